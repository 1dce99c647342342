//! What hostile people put into every field that they may fill: one corpus for all tests.
//!
//! Whoever runs, evaluates or follows one of these texts leaves a file behind, the canary. Each comes in several dresses,
//! because what is refused at the beginning of a name may be let through in the middle of it.

/// Stands for the canary's path in [`BARE`].
const CANARY: &str = "CANARY";

/// Undressed.
const BARE: &[&str] = &[
    // a shell
    "x;echo${IFS}INJECTED;touch${IFS}CANARY",
    "$(touch CANARY)",
    "$(touch${IFS}CANARY)",
    "`touch CANARY`",
    "a|touch CANARY",
    "a&touch CANARY",
    "a&&touch${IFS}CANARY",
    "a||touch CANARY",
    "a\"b",
    "a'b",
    "';touch CANARY;'",
    "\";touch CANARY;\"",
    "a\ntouch CANARY",
    "a\r\ntouch CANARY",
    "a\0touch CANARY",
    "zzz\";touch${IFS}\"CANARY\";#",
    "${x:=`touch CANARY`}",
    ">CANARY",
    "<(touch CANARY)",
    "{touch,CANARY}",
    "!touch CANARY",
    "() { :;}; touch CANARY",
    "~root",
    "*",
    "$HOME",
    "a\\",
    "a\\\ntouch CANARY",
    // options, files and settings
    "-x",
    "--",
    "-",
    "--upload-pack=touch${IFS}CANARY",
    "--exec=touch CANARY",
    "-oProxyCommand=touch CANARY",
    "-eputs `touch CANARY`",
    "-e 'File.write(\"CANARY\", \"\")'",
    "--require=CANARY",
    "--rakefile=CANARY",
    "--config=core.sshCommand=touch CANARY",
    "--extra-vars=@CANARY",
    "@/etc/hostname",
    "@CANARY",
    "NAME=value",
    "BRANCH=zzz",
    "PATH=CANARY",
    "LD_PRELOAD=CANARY",
    "deploy; touch CANARY",
    "deploy[`touch CANARY`]",
    "deploy:host=127.0.0.1",
    "a,ansible_connection=local",
    "a=1,ansible_connection=local",
    // templates and languages
    "{{ lookup('pipe','touch CANARY') }}",
    "{{lookup(\"pipe\",\"touch${IFS}CANARY\")}}",
    "{% set x = lookup('pipe','touch CANARY') %}",
    "{{x}}",
    "{{environment}}",
    "{{sha}}{{secrets}}",
    "%{environment}",
    "%s%n%x",
    "{0.__class__.__init__.__globals__}",
    "#{`touch CANARY`}",
    "#{system('touch CANARY')}",
    "|touch CANARY",
    "<%= `touch CANARY` %>",
    "__import__('os').system('touch CANARY')",
    "!!python/object/apply:os.system ['touch CANARY']",
    "!unsafe x",
    "{\"__ansible_unsafe\": \"{{ lookup('pipe','touch CANARY') }}\"}",
    "${{ github.token }}",
    "${jndi:ldap://127.0.0.1/x}",
    "1.10",
    "0x1f",
    "null",
    "true",
    // paths
    "../../../CANARY",
    "..",
    ".",
    "%2e%2e/%2e%2e/CANARY",
    "..\\..\\CANARY",
    "/etc/passwd",
    "CANARY",
    "file://CANARY",
    "x/../y",
    "a//b",
    ".git/hooks/post-checkout",
    "CON",
    "x.lock",
    "x.",
    "x/",
    // what git reads as something else
    "HEAD",
    "FETCH_HEAD",
    "refs/heads/x",
    "@{-1}",
    "main@{1}",
    "main~1",
    "main^{/x}",
    ":/x",
    "main:version",
    "+main:refs/heads/x",
    "0123456789abcdef0123456789abcdef01234567",
    "01234567",
    "0000000000000000000000000000000000000000",
    // letters that are not what they seem
    "a\u{200b}b",
    "\u{ff44}\u{ff45}\u{ff50}\u{ff4c}\u{ff4f}\u{ff59}",
    "a\u{202e}b",
    "e\u{301}",
    "\u{feff}main",
    "m\u{430}in",
    "a\u{2028}b",
    "a\u{fffd}b",
    "\u{1f4a5}",
    // where it is shown
    "<script>fetch('/x')</script>",
    "'><img src=x onerror=alert(1)>",
    "javascript:alert(1)//",
    "[x](javascript:alert(1))",
    "![x](http://127.0.0.1:1/x)",
    "\u{1b}]8;;http://127.0.0.1:1/\u{7}y\u{1b}]8;;\u{7}",
    "\u{1b}[2J\u{1b}[1;1H",
    "\u{9b}31m",
    "failed\rdeployed",
    "<!channel>",
    "<@U1>",
    "<http://127.0.0.1:1/|y>",
    "@everyone",
    "&amp;&#x3c;",
    "a\r\nSet-Cookie: x=y",
    "=cmd|' /C calc'!A0",
    "``` x ```",
    "',{\"state\":\"success\"}",
    "1e999",
    "18446744073709551616",
    // names that GitHub's own documents warn about
    "body",
    "default_branch",
    "head_ref",
    "label",
    "message",
    "page_name",
    "title",
];

/// The whole corpus, each text once; more than 500. `canary` is the path of the file that none may make.
#[must_use]
pub fn texts(canary: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in BARE {
        let text = text.replace(CANARY, canary);
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        all.extend([
            format!("main{text}"),
            format!("feature/{text}"),
            format!("\"{text}\""),
            format!("{text} {text}"),
            encoded,
            text,
        ]);
    }
    all.extend([
        String::new(),
        " ".to_owned(),
        "x".repeat(300),
        "[".repeat(3000),
        "\u{1f4a5}".repeat(200),
        "a\u{301}".repeat(200),
    ]);
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|text| seen.insert(text.clone()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_more_than_five_hundred() {
        let all = texts("/tmp/canary");
        assert!(all.len() > 500, "{}", all.len());
        assert!(all.iter().filter(|text| text.contains("/tmp/canary")).count() > 150);
    }
}
