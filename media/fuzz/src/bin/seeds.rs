//! Writes the inputs with which every corpus begins: `cargo run --bin seeds` in this folder.
fn main() -> std::io::Result<()> {
    for (target, name, bytes) in yunfa_media_fuzz::seeds::all() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
