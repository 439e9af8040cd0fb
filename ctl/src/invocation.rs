//! One call of another program: where it runs, and how it is written for a shell. It only describes.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Where a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the machine of whoever calls.
    Here,
    /// Where the cluster's docker is: inside the VM in vm mode, else here.
    AtCluster,
}

/// A program with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) place: Place,
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// What it reads from standard input; nothing otherwise.
    pub(crate) input: Option<String>,
}

impl Invocation {
    /// A program on this machine.
    pub(crate) fn here(program: impl AsRef<OsStr>) -> Self {
        Self {
            place: Place::Here,
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            directory: None,
            variables: Vec::new(),
            input: None,
        }
    }

    /// A program where the cluster's docker is.
    pub(crate) fn at_cluster(program: impl AsRef<OsStr>) -> Self {
        Self { place: Place::AtCluster, ..Self::here(program) }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn dir(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    pub(crate) fn input(mut self, text: impl Into<String>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// The words that are run, with what leads into the VM before them.
    pub(crate) fn words(&self, way_in: &[OsString]) -> Vec<OsString> {
        let way_in = if self.place == Place::AtCluster { way_in } else { &[] };
        way_in.iter().chain(std::iter::once(&self.program)).chain(&self.arguments).cloned().collect()
    }

    /// The line that does the same in a shell.
    pub(crate) fn line(&self, way_in: &[OsString]) -> String {
        let variables = self.variables.iter().map(|(name, value)| format!("{}={}", name.display(), quoted(value)));
        let words = self.words(way_in);
        let line: Vec<String> = variables.chain(words.iter().map(|word| quoted(word))).collect();
        let line = match &self.directory {
            Some(directory) => format!("(cd {} && {})", quoted(directory.as_os_str()), line.join(" ")),
            None => line.join(" "),
        };
        match &self.input {
            Some(text) => format!("{line} <<'END'\n{}\nEND", text.trim_end()),
            None => line,
        }
    }
}

/// A word as a shell reads it back.
fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@,+%".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_given_to_a_shell() {
        let call = Invocation::here("docker").args(["exec", "a b", "it's", ""]).env("X", "1 2").dir(Path::new("/a"));
        assert_eq!(call.line(&[]), r"(cd /a && X='1 2' docker exec 'a b' 'it'\''s' '')");
        assert_eq!(Invocation::here("cat").input("x\n").line(&[]), "cat <<'END'\nx\nEND");
    }

    #[test]
    fn the_way_into_the_vm_leads_to_the_cluster_alone() {
        let way_in = ["limactl".into(), "shell".into(), "vm".into()];
        assert_eq!(Invocation::at_cluster("kind").arg("version").line(&way_in), "limactl shell vm kind version");
        assert_eq!(Invocation::here("cargo").arg("build").line(&way_in), "cargo build");
    }
}
