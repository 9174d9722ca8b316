// SPDX-License-Identifier: GPL-2.0-or-later

//! The files of this machine, and the engine as far as it's known without one.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use clustering::file::Surroundings;

/// The disk, and the parameters of the engine that are known.
pub struct Disk(Vec<(Vec<u8>, Vec<u8>)>);

impl Disk {
    /// The disk, with these parameters of the engine, and the one that the path of the file tells.
    pub fn new(mut parameters: Vec<(Vec<u8>, Vec<u8>)>, file: &[u8]) -> Self {
        let directory = path(file)
            .parent()
            .filter(|parent| *parent != Path::new(""));
        let directory = fs::canonicalize(directory.unwrap_or(Path::new(".")));
        parameters.extend(directory.ok().map(|directory| {
            let directory = directory.into_os_string().into_vec();
            (b"configpath".to_vec(), directory)
        }));
        Self(parameters)
    }
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

impl Surroundings for Disk {
    fn read(&self, file: &[u8]) -> io::Result<Vec<u8>> {
        fs::read(path(file))
    }

    fn list(&self, directory: &[u8]) -> Option<Vec<Vec<u8>>> {
        let entries = fs::read_dir(path(directory)).ok()?.flatten();
        // The engine follows no symbolic links there.
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        Some(files.map(|entry| entry.file_name().into_vec()).collect())
    }

    fn parameter(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut parameters = self.0.iter();
        let known = parameters.find(|(known, _)| known == name)?;
        Some(known.1.clone())
    }

    fn is_loaded(&self, _: &[u8]) -> Option<bool> {
        None
    }
}
