//! Files of vCPU states: any bytes, and any contents behind a right header and checksum.

use onereg::StateFile;

/// Bytes before the vCPUs: magic, version, length.
const HEADER: usize = 18;

/// Reads the input as a file, and as the contents of one; what is read is written and read back, and shown.
pub fn states(input: &[u8]) {
    check(input);
    let mut file = b"onereg\x1a\n".to_vec();
    file.extend(StateFile::VERSION.to_le_bytes());
    let length = HEADER + input.len() + size_of::<u32>();
    file.extend((length as u64).to_le_bytes());
    file.extend(input);
    file.extend(crc32fast::hash(&file).to_le_bytes());
    check(&file);
}

fn check(bytes: &[u8]) {
    match StateFile::from_bytes(bytes) {
        Ok(file) => {
            let again = StateFile::from_bytes(&file.to_bytes());
            assert_eq!(again.as_ref(), Ok(&file));
            let mut json = String::new();
            assert!(file.write_json(&mut json).is_ok());
            for state in &file.vcpus {
                assert!(state.differences(state).is_empty());
                assert!(state.registers().all(|saved| !saved.to_string().is_empty()));
            }
        }
        Err(error) => assert!(error.offset() <= bytes.len(), "{error}"),
    }
}
