//! `web/shared/protocol.ts` is what the Rust types say: drift fails, `YUNFA_WRITE_TYPES=1` rewrites the file.
use std::{any::TypeId, collections::BTreeMap, fs, path::PathBuf};

use ts_rs::{Config, TS, TypeVisitor};
use yunfa_signaling::message::{
    ClientFrame, ClientMessage, MAX_CHAT_CHARS, MAX_CHAT_LINES, MAX_MESSAGE_BYTES, PROTOCOL_VERSION, RESUME_SECONDS,
    ServerFrame, ServerMessage,
};

const HEAD: &str = "\
// The words and messages of the socket, generated from the Rust types of signaling/src; do not edit.
// After a change there: make types (that is `YUNFA_WRITE_TYPES=1 cargo test -p yunfa-signaling --test types`).
";

/// Declarations by name, so that the file does not depend on the order of visits.
struct Collected {
    config: Config,
    seen: Vec<TypeId>,
    declarations: BTreeMap<String, String>,
}

impl TypeVisitor for Collected {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if self.seen.contains(&TypeId::of::<T>()) {
            return;
        }
        self.seen.push(TypeId::of::<T>());
        T::visit_dependencies(self);
        T::visit_generics(self);
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let declaration = format!("{docs}export {}\n", T::decl(&self.config));
            self.declarations.insert(T::name(&self.config), declaration);
        }
    }
}

impl Collected {
    /// Writes the name of `Part` where `Whole` repeats all of it, because it is flattened there.
    fn name_inside<Whole: TS, Part: TS>(&mut self) {
        let (inlined, name) = (Part::inline_flattened(&self.config), Part::name(&self.config));
        let whole = self.declarations.get_mut(&Whole::name(&self.config)).expect("it was visited before");
        *whole = whole.replace(&inlined, &name);
    }
}

#[test]
fn the_types_of_the_pages_are_those_of_the_server() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../web/shared/protocol.ts");
    let wanted = typescript();

    if rewrite() {
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("web/shared can be made");
        fs::write(&path, &wanted).expect("web/shared/protocol.ts can be written");
    }

    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "web/shared/protocol.ts is not what the Rust types say: run `make types` and commit it");
}

/// Whether the file is to be rewritten instead of only compared.
fn rewrite() -> bool {
    std::env::var("YUNFA_WRITE_TYPES").is_ok_and(|value| value == "1")
}

fn typescript() -> String {
    let mut collected = Collected {
        config: Config::default().with_large_int("number"),
        seen: Vec::new(),
        declarations: BTreeMap::new(),
    };
    collected.visit::<ClientFrame>();
    collected.visit::<ServerFrame>();
    collected.visit::<ClientMessage>();
    collected.visit::<ServerMessage>();
    collected.name_inside::<ClientFrame, ClientMessage>();
    collected.name_inside::<ServerFrame, ServerMessage>();

    let constants = [
        ("The version of this protocol.", "PROTOCOL_VERSION", u64::from(PROTOCOL_VERSION)),
        ("Longest socket message in bytes.", "MAX_MESSAGE_BYTES", MAX_MESSAGE_BYTES as u64),
        ("Longest chat line in characters.", "MAX_CHAT_CHARS", MAX_CHAT_CHARS as u64),
        ("Chat lines a session may hold.", "MAX_CHAT_LINES", MAX_CHAT_LINES as u64),
        ("How long a broken socket may be resumed, in seconds.", "RESUME_SECONDS", RESUME_SECONDS),
    ];
    let mut text = HEAD.to_owned();
    for (doc, name, value) in constants {
        text.push_str(&format!("\n/** {doc} */\nexport const {name} = {value};\n"));
    }
    for declaration in collected.declarations.values() {
        text.push('\n');
        text.push_str(declaration);
    }
    text
}
