//! The root file system of a host: a cpio archive in the format `newc` of the kernel's initramfs.

use std::collections::BTreeSet;

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const TERMINAL: u32 = 0o020_600;

/// An archive under construction.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    folders: BTreeSet<String>,
    entries: u32,
}

impl Archive {
    /// Adds a file, which everybody may read and run, and the folders above it. `path` begins with a slash.
    ///
    /// # Panics
    ///
    /// The format has no room for 4 GiB.
    pub fn file(&mut self, path: &str, content: &[u8]) {
        self.folders_above(path);
        self.entry(path, PROGRAM, (0, 0), content);
    }

    /// Adds a folder and those above it.
    pub fn folder(&mut self, path: &str) {
        self.folders_above(&format!("{path}/"));
    }

    /// Adds the console that the kernel gives to the first process.
    pub fn console(&mut self) {
        self.folder("/dev");
        self.entry("/dev/console", TERMINAL, (5, 1), &[]);
    }

    /// Ends the archive and returns it.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("/TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn folders_above(&mut self, path: &str) {
        for (end, _) in path.match_indices('/').filter(|(end, _)| 0 < *end) {
            let folder = &path[..end];
            if self.folders.insert(folder.to_owned()) {
                self.entry(folder, FOLDER, (0, 0), &[]);
            }
        }
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        let name = path.trim_start_matches('/');
        self.entries += 1;
        let links = 1;
        let size = u32::try_from(content.len()).expect("a file has less than 4 GiB");
        let length = u32::try_from(name.len() + 1).expect("names are short");
        let (major, minor) = device;
        let fields = [self.entries, mode, 0, 0, links, 0, size, 0, 0, major, minor, length, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an archive back: path, mode, content.
    fn read(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut entries = Vec::new();
        let mut at = 0;
        loop {
            assert_eq!(&bytes[at..at + 6], b"070701");
            let field = |index: usize| {
                let start = at + 6 + 8 * index;
                let text = std::str::from_utf8(&bytes[start..start + 8]).expect("hex digits");
                usize::from_str_radix(text, 16).expect("a number")
            };
            let (mode, size, length) = (field(1), field(6), field(11));
            let name_at = at + 110;
            let name = String::from_utf8(bytes[name_at..name_at + length - 1].to_vec());
            let content_at = (name_at + length).next_multiple_of(4);
            let content = bytes[content_at..content_at + size].to_vec();
            at = (content_at + size).next_multiple_of(4);
            let name = name.expect("a name");
            if name == "TRAILER!!!" {
                assert_eq!(at, bytes.len());
                return entries;
            }
            entries.push((name, u32::try_from(mode).expect("a mode"), content));
        }
    }

    #[test]
    fn files_come_after_their_folders_and_folders_once() {
        let mut archive = Archive::default();
        archive.file("/init", b"12345");
        archive.file("/a/b/c", b"");
        archive.file("/a/d", b"1234");
        archive.folder("/a/e");
        archive.console();
        let entries = read(&archive.finish());
        let names: Vec<&str> = entries.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["init", "a", "a/b", "a/b/c", "a/d", "a/e", "dev", "dev/console"]);
        assert_eq!(entries[0].1, PROGRAM);
        assert_eq!(entries[0].2, b"12345");
        assert_eq!(entries[1].1, FOLDER);
        assert_eq!(entries[4].2, b"1234");
        assert_eq!(entries[7].1, TERMINAL);
    }
}
