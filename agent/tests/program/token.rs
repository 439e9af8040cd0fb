//! `--token-file`: what it opens, what it closes, and what the agent makes of the file over time.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::rig::fake_cgroups::FakeCgroups;
use crate::rig::{Agent, Line, client, eventually, open_directory};

fn write(path: &Path, token: &str) {
    std::fs::write(path, token).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn status(address: SocketAddr, target: &str, token: Option<&str>) -> u16 {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    client::request(address, "GET", target, &format!("Host: localhost\r\n{authorization}")).status
}

#[test]
fn a_new_token_in_the_file_replaces_the_one_before() {
    let (cgroups, data, secrets) = (FakeCgroups::with(1), open_directory(), open_directory());
    let file = secrets.path().join("token");
    write(&file, "a-token-of-the-first-day\n");
    let line = Line::recording(cgroups.path(), data.path()).args(["--metrics-listen", "127.0.0.1:0"]);
    let agent: Agent = line.args(["--token-file".as_ref(), file.as_os_str()]).start().ready();
    let (api, metrics) = (agent.address(), agent.listener("metrics alone"));
    assert_eq!(status(api, "/api/status", None), 401);
    assert_eq!(status(api, "/api/status", Some("a-token-of-the-first-day")), 200);
    assert_eq!((status(api, "/metrics", None), status(metrics, "/metrics", None)), (200, 200));

    // What comes over a rename is whole, as with a mounted secret.
    let next = secrets.path().join("next");
    write(&next, "a-token-of-the-second-day");
    std::fs::rename(&next, &file).unwrap();
    eventually("the new token", || {
        (status(api, "/api/status", Some("a-token-of-the-second-day")) == 200).then_some(())
    });
    assert_eq!(status(api, "/api/status", Some("a-token-of-the-first-day")), 401);

    std::fs::remove_file(&file).unwrap();
    agent.says("the token before stays in force");
    assert_eq!(status(api, "/api/status", Some("a-token-of-the-second-day")), 200);
    agent.stop();
}

#[test]
fn a_token_that_others_may_read_or_guess_is_warned_of() {
    let (cgroups, data, secrets) = (FakeCgroups::with(1), open_directory(), open_directory());
    let file = secrets.path().join("token");
    write(&file, "short");
    let line = Line::bare().args(["--listen", "127.0.0.1:0", "--cgroup-root"]).args([cgroups.path()]);
    let line = line.args(["--data".as_ref(), data.path(), "--token-file".as_ref(), file.as_path()]);
    let agent = line.start();
    agent.says("has less than 16 characters and can be guessed");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    agent.says("every user of this machine may read the token file");
    agent.stop();
}

#[test]
fn a_token_file_without_a_token_is_refused() {
    let (cgroups, data, secrets) = (FakeCgroups::with(1), open_directory(), open_directory());
    let file = secrets.path().join("token");
    let refusal = || {
        let line = Line::recording(cgroups.path(), data.path());
        line.args(["--token-file".as_ref(), file.as_os_str()]).refusal()
    };
    let missing = refusal();
    assert!(missing.starts_with(&format!("cannot read the token file {}: ", file.display())), "{missing}");
    assert!(missing.ends_with("name a file that holds a token with --token-file"), "{missing}");
    for (text, words) in [("\n", "is empty"), ("two words", "holds more than one word of visible ASCII characters")] {
        write(&file, text);
        let advice = "write one word into it, such as 32 random bytes in hexadecimal";
        assert_eq!(refusal(), format!("the token file {} {words}; {advice}", file.display()));
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert!(refusal().contains("is no regular file"));
}

#[test]
fn an_api_that_others_could_reach_is_refused_without_a_token() {
    let sentence = Line::bare().args(["--listen", "0.0.0.0:0"]).refusal();
    assert!(sentence.starts_with("--listen 0.0.0.0:0 can be reached from elsewhere: give --token-file"), "{sentence}");
}
