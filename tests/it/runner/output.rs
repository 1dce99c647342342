//! The log of real commands: masked, capped, byte for byte.

use super::*;

#[tokio::test]
async fn a_secret_is_masked_in_the_log_the_command_line_and_the_result() {
    let secret = "s3cr3t-value-0123";
    let mut rig =
        Rig::script("printf 's3cr3t-'; sleep 0.2; printf 'value-0123 '; printf %s \"$TOKEN\" | base64").secret(secret);
    rig.spec.steps[0].environment.set("TOKEN", secret);
    rig.spec.steps.push(StepSpec {
        cwd: rig.path(""),
        ..step(&["no-such-tool", secret])
    });
    let exit = rig.run().await;
    let log = rig.log();
    assert!(log.contains("*** ***"), "{log}");
    assert!(log.contains("$ no-such-tool ***\n"), "{log}");
    for entry in ["exit.json", "started", "command", "runner.err"] {
        let text = fs::read_to_string(rig.attempt().join(entry)).unwrap();
        assert!(!text.contains(secret), "{entry}: {text}");
    }
    assert!(!log.contains(secret) && !format!("{exit:?}").contains(secret));
}

#[tokio::test]
async fn nothing_secret_is_in_any_argument_list_or_variable_of_the_runner() {
    let secret = "s3cr3t-value-0123";
    let rig = Rig::script(
        "tr '\\0' '\\n' < /proc/$PPID/cmdline; tr '\\0' '\\n' < /proc/$PPID/environ | wc -c; cat /proc/$PPID/comm",
    )
    .secret(secret);
    rig.run().await;
    let lines: Vec<String> = rig.log().lines().skip(1).map(str::to_owned).collect();
    assert_eq!(lines, [env!("CARGO_BIN_EXE_chima"), "runner", "0", "chima"]);
}

#[tokio::test]
async fn a_flood_costs_no_more_than_its_caps_and_never_the_command() {
    let mut rig = Rig::script("head -c 60000000 /dev/zero | tr '\\0' 'x'; echo; echo the end; exit 4");
    rig.spec.log = LogCaps {
        head: 100_000,
        tail: 400_000,
        segment: 100_000,
    };
    let exit = rig.run().await;
    assert_eq!(outcomes(&exit), [&StepOutcome::Exited { code: 4 }]);
    assert_eq!(exit.log_trouble, None);
    let used: u64 = fs::read_dir(rig.attempt().join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(used <= 500_100, "{used}");
    let log = rig.log();
    assert!(log.starts_with("$ /bin/sh") && log.ends_with("the end\n[chima: exited with code 4]\n"));
    assert!(log.contains("bytes left out here]\n"));
    assert!(rig.reader().size().unwrap() > 60_000_000);
}

#[tokio::test]
async fn binary_output_is_kept_as_it_is() {
    let rig = Rig::script("printf '\\000\\377\\001\\200 \\033[31m'; printf 'no line end'");
    rig.run().await;
    let whole = rig.reader().whole().unwrap();
    assert!(
        whole.ends_with(b"\0\xff\x01\x80 \x1b[31mno line end"),
        "{}",
        whole.escape_ascii()
    );
}

#[tokio::test]
async fn output_is_in_the_log_while_the_command_runs() {
    let rig = Rig::script("printf 'prompt: '; until [ -e go ]; do sleep 0.01; done; echo ok").secret("a-long-secret");
    let running = rig.start().await;
    eventually("the prompt is there", || rig.log().ends_with("prompt: ").then_some(())).await;
    fs::write(rig.path("go"), "").unwrap();
    exit(running).await;
    assert!(rig.log().ends_with("prompt: ok\n"));
}
