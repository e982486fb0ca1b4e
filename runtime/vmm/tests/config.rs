//! `run --config`: options in a file.

mod program;

use std::fs;

use program::{has_kvm, run, stderr, stdout, temporary};

#[test]
fn a_file_says_what_the_command_line_would_and_the_command_line_decides() {
    if !has_kvm() {
        return;
    }
    let (file, console) = (temporary("options.json"), temporary("options-console"));
    let options = serde_json::json!({
        "cpus": 2, "memory": "64M", "cmdline": "quiet", "trace": ["nowhere", "RFLAGS.CF"],
        "console": console.to_str().unwrap(),
    });
    fs::write(&file, options.to_string()).unwrap();
    let with = ["run", "--config", file.to_str().unwrap()];
    let output = run(&with);
    assert!(stderr(&output).contains("nowhere"), "{}", stderr(&output));
    let traced = if cfg!(target_arch = "x86_64") { "RFLAGS" } else { "PC" };
    let output = run(&[&with[..], &["--trace", traced]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("vCPU 1"), "{}", stdout(&output));
    assert!(fs::read_to_string(&console).unwrap().starts_with("onereg: hello"));
}

#[test]
fn an_option_may_need_one_of_the_file() {
    let file = temporary("needs.json");
    fs::write(&file, r#"{"kernel": "/dev/null", "kvm": "/nowhere/kvm"}"#).unwrap();
    let output = run(&["run", "--initrd", "/dev/null", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("/nowhere/kvm: No such file"), "{}", stderr(&output));
    fs::write(&file, "{\"initrd\": \"/nowhere/i\"}").unwrap();
    let output = run(&["run", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("--kernel <FILE>"), "{}", stderr(&output));
}

#[test]
fn what_is_wrong_has_its_place_and_a_remedy() {
    let file = temporary("wrong.json");
    for (text, place, what) in [
        (
            "{\n  \"kernal\": \"x\"}",
            "2:10",
            "unknown option `kernal`: give those of `onereg-vmm run",
        ),
        ("{\"config\": \"x\"}", "1:9", "unknown option `config`"),
        ("{\"cpus\": true}", "1:13", "invalid type: boolean `true`, expected a number, or a text"),
        ("{\"cpus\": -1}", "1:11", "invalid type: integer `-1`, expected a number, or a text"),
        ("{\"kernel\": 1}", "1:12", "invalid type: integer `1`, expected a text for `kernel`"),
        ("{\"trace\": \"x\"}", "1:13", "invalid type: string \"x\", expected a list of texts for"),
        ("{\"timings\": \"x\"}", "1:15", "invalid type: string \"x\", expected true or false for"),
        ("{\"cpus\": 0}", "1:10", "invalid value '0' for '--cpus <N>': 0 is not in 1..=65535"),
        ("{\"memory\": \"1T\"}", "1:15", "invalid value '1T' for '--memory <SIZE>': expected a nu"),
        ("{\"log-level\": \"x\"}", "1:17", "[possible values: error, warn, info, debug, trace]"),
        ("{\"cpus\": 1,\n\"cpus\": 2}", "2:10", "`cpus` is there twice: leave one out"),
        ("[]", "1:0", "invalid type: sequence, expected an object of options, as {\"kernel\""),
        ("{} {}", "1:4", "trailing characters"),
        ("", "1:0", "EOF while parsing a value"),
    ] {
        fs::write(&file, text).unwrap();
        let output = run(&["run", "--config", file.to_str().unwrap()]);
        let (said, file) = (stderr(&output), file.display());
        assert_eq!(output.status.code(), Some(2), "{text}: {said}");
        assert!(said.starts_with(&format!("onereg-vmm: {file}:{place}: ")), "{text}: {said}");
        assert!(said.contains(what), "{text}: {said}");
    }
    let output = run(&["run", "--config", "/nowhere/options"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "onereg-vmm: cannot read the options /nowhere/options: No such file";
    assert!(stderr(&output).starts_with(expected), "{}", stderr(&output));
}
