//! A browser without a window, driven over a pipe by the DevTools protocol.

pub(crate) mod site;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::{Value, json};

const PROGRAM: &str = "/usr/bin/chromium";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pipe are the file descriptors 3 and 4 of the browser, which gets no other output that matters. As root it has
/// no sandbox; it sees nothing but the pages of these tests.
const START: &str = "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
const OPTIONS: [&str; 7] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
];

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: String,
    calls: u64,
    /// What the page asked for.
    pub(crate) requests: Vec<String>,
    /// What the page's console says, errors of its scripts included.
    pub(crate) complaints: Vec<String>,
    loads: u32,
}

impl Browser {
    /// Starts one with an empty profile of this name; `None`, said aloud, where there is none and none was promised.
    pub(crate) fn start(name: &str) -> Option<Browser> {
        if !Path::new(PROGRAM).exists() {
            let promised = env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!promised, "CI=true promises {PROGRAM}: install the package chromium");
            println!("skipped: there is no {PROGRAM}: install the package chromium");
            return None;
        }
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{name}"));
        if profile.exists() {
            fs::remove_dir_all(&profile).unwrap();
        }
        let mut command = Command::new("sh");
        command.args(["-c", START, "sh", PROGRAM]).args(OPTIONS);
        command.arg(format!("--user-data-dir={}", profile.display()));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh starts");
        let to = child.stdin.take().unwrap();
        let from = messages(child.stdout.take().unwrap());
        let mut browser = Browser {
            child,
            to,
            from,
            session: String::new(),
            calls: 0,
            requests: Vec::new(),
            complaints: Vec::new(),
            loads: 0,
        };
        browser.attach();
        Some(browser)
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.call("Target.attachToTarget", attach);
        self.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Opens a page, or moves to another place of the same one.
    pub(crate) fn open(&mut self, address: &str) {
        let loads = self.loads;
        let answer = self.call("Page.navigate", json!({"url": address}));
        assert!(answer.get("errorText").is_none(), "{address}: {answer}");
        if answer.get("loaderId").is_some() {
            self.loaded(loads);
        }
    }

    /// Waits for the page after the first `loads`.
    fn loaded(&mut self, loads: u32) {
        while self.loads == loads {
            self.receive();
        }
    }

    /// Makes the page a window of this size.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Takes a medium, `screen` or `print`, and the colours that the system is set to.
    pub(crate) fn prefer(&mut self, medium: &str, colours: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": colours}]);
        self.call("Emulation.setEmulatedMedia", json!({"media": medium, "features": features}));
    }

    /// Evaluates an expression of JavaScript, and waits where it is a promise.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", asked);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Evaluates an expression whose value is text.
    pub(crate) fn text(&mut self, expression: &str) -> String {
        let value = self.evaluate(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is no text: {value}")).to_owned()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait(&mut self, expression: &str) {
        let start = Instant::now();
        while self.evaluate(expression) != Value::Bool(true) {
            assert!(start.elapsed() < PATIENCE, "never true: {expression}");
            sleep(Duration::from_millis(10));
        }
    }

    /// Types text, letter by letter.
    pub(crate) fn write(&mut self, text: &str) {
        for letter in text.chars() {
            self.key(&letter.to_string(), 0, &letter.to_string());
        }
    }

    /// Presses a key that has a name.
    pub(crate) fn press(&mut self, name: &str) {
        let (code, text) = match name {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "ArrowUp" => (38, ""),
            "ArrowDown" => (40, ""),
            _ => panic!("no key is called {name}"),
        };
        self.key(name, code, text);
    }

    fn key(&mut self, name: &str, code: u32, text: &str) {
        let key =
            |kind| json!({"type": kind, "key": name, "text": text, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", key("keyDown"));
        let up = json!({"type": "keyUp", "key": name, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", up);
    }

    /// Presses the mouse's button in the middle of the element that a selector finds.
    pub(crate) fn click(&mut self, selector: &str) {
        let middle = self.evaluate(&format!(
            "(() => {{ const box = document.querySelector({}).getBoundingClientRect();
               return [box.x + box.width / 2, box.y + box.height / 2]; }})()",
            json!(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Calls a method of the protocol and returns its result.
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).expect("the browser lives");
        loop {
            if let Some(mut answer) = self.receive().filter(|answer| answer["id"] == json!(id)) {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].take();
            }
        }
    }

    /// Takes the next message: an answer is returned, an event noted.
    fn receive(&mut self) -> Option<Value> {
        let message = self.from.recv_timeout(PATIENCE).expect("the browser answers");
        let event = &message["params"];
        match message["method"].as_str() {
            None => return Some(message),
            Some("Page.loadEventFired") => self.loads += 1,
            Some("Network.requestWillBeSent") => {
                self.requests.extend(event["request"]["url"].as_str().map(str::to_owned));
            }
            Some("Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded") => {
                self.complaints.push(event.to_string());
            }
            Some(_) => {}
        }
        None
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A browser that is gone already, or does not close, is all the same to the test that ends here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads messages, each with a zero byte behind it, until the browser ends.
fn messages(from: ChildStdout) -> Receiver<Value> {
    let (to, messages) = channel();
    spawn(move || {
        for message in BufReader::new(from).split(0) {
            let message = message.ok().and_then(|message| serde_json::from_slice(&message).ok());
            if message.is_none_or(|message| to.send(message).is_err()) {
                return;
            }
        }
    });
    messages
}
