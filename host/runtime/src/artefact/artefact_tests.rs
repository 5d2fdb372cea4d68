//! Artefacts on a disk of their own, damaged and whole; runs no function.

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("trm-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // The smallest component: magic, version 13, layer 1.
        std::fs::write(folder.join("empty.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
        Self(folder)
    }

    fn component(&self) -> PathBuf {
        self.0.join("empty.wasm")
    }

    fn find(&self, engine: &Engine) -> anyhow::Result<(Artefact, Origin)> {
        Artefacts::open(engine, NATIVE, &self.0.join("spin.toml")).find(&self.component())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_component_is_compiled_once_and_served_without_its_file() {
    let (folder, engine) = (Folder::new("once"), crate::engine::compiler().unwrap());
    assert_eq!(folder.find(&engine).unwrap().1, Origin::Compiled);
    assert_eq!(folder.find(&engine).unwrap().1, Origin::Kept);
    std::fs::remove_file(folder.component()).unwrap();
    let (artefact, origin) = folder.find(&engine).unwrap();
    assert_eq!(origin, Origin::Kept);
    artefact.map(&engine).unwrap();
}

#[test]
fn a_component_that_changed_is_compiled_again_and_the_old_artefact_goes() {
    let (folder, engine) = (Folder::new("changed"), crate::engine::compiler().unwrap());
    let (old, _) = folder.find(&engine).unwrap();
    // An empty custom section named "x".
    std::fs::write(folder.component(), b"\0asm\x0d\0\x01\0\0\x02\x01x").unwrap();
    let (new, origin) = folder.find(&engine).unwrap();
    assert_eq!(origin, Origin::Compiled);
    assert_ne!(old.digest(), new.digest());
    let artefacts = Artefacts::open(&engine, NATIVE, &folder.0.join("spin.toml"));
    let component = folder.component();
    artefacts.prune([component.as_path()].into_iter()).unwrap();
    assert!(matches!(&new.code, Code::File(path) if path.exists()));
    assert!(matches!(&old.code, Code::File(path) if !path.exists()));
}

#[test]
fn code_that_is_not_what_was_written_is_not_run() {
    let (folder, engine) = (Folder::new("damaged"), crate::engine::compiler().unwrap());
    let (artefact, _) = folder.find(&engine).unwrap();
    let Code::File(path) = &artefact.code else {
        panic!("it is not on disk");
    };
    let mut bytes = std::fs::read(path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(path, bytes).unwrap();
    let fault = artefact.open(&engine).err().unwrap();
    assert!(
        fault.to_string().contains("not what was written"),
        "{fault}"
    );
    // The component itself is there, and is compiled again.
    artefact.map(&engine).unwrap();
    std::fs::remove_file(folder.component()).unwrap();
    assert!(artefact.map(&engine).is_err());
}

#[test]
fn what_a_component_imports_is_read_from_its_own_level() {
    let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
    // Section 7, one type: an instance without exports; section 10: it is imported as "a:b/c".
    wasm.extend(b"\x07\x03\x01\x42\x00\x0a\x0a\x01\x00\x05a:b/c\x05\x00");
    let (imports, exports) = interfaces(&wasm).unwrap();
    assert_eq!(imports, ["a:b/c"]);
    assert!(exports.is_empty());
    assert!(interfaces(b"\0asm").is_err());
}

#[test]
fn only_what_the_trusted_key_signed_is_served() {
    let (folder, engine) = (Folder::new("signed"), crate::engine::compiler().unwrap());
    let seed =
        |byte: u8| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [byte; 32]);
    let signer = |byte| Signer::new(&seed(byte)).unwrap();
    let open = || Artefacts::open(&engine, NATIVE, &folder.0.join("spin.toml"));
    let trust = |byte| Some(Trusted::new(&signer(byte).public()).unwrap());
    let refused = |why: &str| {
        let fault = open().trusting(trust(1)).find(&folder.component());
        let fault = format!("{:#}", fault.err().unwrap());
        assert!(
            fault.contains("TRM_SIGNING_SEED") && fault.contains(why),
            "{fault}"
        );
    };
    refused("or nothing was");
    folder.find(&engine).unwrap();
    refused("not signed");
    open()
        .signing(Some(signer(2)))
        .find(&folder.component())
        .unwrap();
    refused("not of this key");
    open()
        .signing(Some(signer(1)))
        .find(&folder.component())
        .unwrap();
    let (artefact, origin) = open().trusting(trust(1)).find(&folder.component()).unwrap();
    assert_eq!(origin, Origin::Kept);
    artefact.map(&engine).unwrap();

    let index = folder.0.join("target/trm/index.json");
    let signed = std::fs::read_to_string(&index).unwrap();
    let code = &artefact.about().code_blake3;
    for (is, was) in [
        ("\"imports\": []", "\"imports\": [\"a:b/c\"]"),
        (code, &"0".repeat(64)),
    ] {
        std::fs::write(&index, signed.replace(is, was)).unwrap();
        refused("something else");
    }
    std::fs::write(&index, &signed).unwrap();
    // An empty custom section named "x": another component in the place of the signed one.
    std::fs::write(folder.component(), b"\0asm\x0d\0\x01\0\0\x02\x01x").unwrap();
    refused("not what was signed");
    for wrong in ["", "AAAA", "not Base64!"] {
        assert!(Trusted::new(wrong).is_err() && Signer::new(wrong).is_err());
    }
}
