//! The trees that are backed up.

use anyhow::Result;
use redcedar_testing::rng::Rng;
use std::path::Path;

const EXTENSIONS_OF_TEXT: [&str; 6] = ["txt", "rs", "html", "json", "conf", "md"];
const EXTENSIONS_OF_NOISE: [&str; 4] = ["jpg", "mp4", "zip", "flac"];
/// The extension of files of noise.
pub(crate) const NOISE: &str = "bin";
const FILES_PER_DIRECTORY: usize = 25;

/// A tree of `files` files and about `bytes` bytes, half of them text-like, half incompressible. Sizes are log-normal,
/// as on real disks; a quarter of the files are incompressible and larger than the others, as photos are.
pub(crate) fn mixed(root: &Path, files: usize, bytes: u64) -> Result<()> {
    make_once(root, |root| {
        let mut rng = Rng::new(2);
        let noise: Vec<bool> = (0..files).map(|_| rng.one_in(4)).collect();
        let sizes = sizes(&mut rng, &noise, bytes);
        for (number, (noise, size)) in noise.into_iter().zip(sizes).enumerate() {
            let content = if noise { rng.bytes(size) } else { rng.text(size) };
            let extension =
                if noise { rng.pick(&EXTENSIONS_OF_NOISE) } else { rng.pick(&EXTENSIONS_OF_TEXT) };
            write(root, number, extension, &content)?;
        }
        Ok(())
    })
}

/// A tree of `files` files of at most 400 bytes.
pub(crate) fn tiny(root: &Path, files: usize) -> Result<()> {
    make_once(root, |root| {
        let mut rng = Rng::new(3);
        for number in 0..files {
            let size = rng.index(401);
            let content = rng.text(size);
            write(root, number, rng.pick(&EXTENSIONS_OF_TEXT), &content)?;
        }
        Ok(())
    })
}

/// A directory of `files` incompressible files of `size` bytes.
pub(crate) fn noise(root: &Path, files: usize, size: usize) -> Result<()> {
    make_once(root, |root| {
        let mut rng = Rng::new(4);
        for number in 0..files {
            fs_err::write(root.join(format!("file-{number:04}.{NOISE}")), rng.bytes(size))?;
        }
        Ok(())
    })
}

/// Makes a tree under another name first, so that half a tree is never taken for one.
fn make_once(root: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if root.exists() {
        return Ok(());
    }
    eprintln!("making {} …", root.display());
    let unfinished = root.with_extension("unfinished");
    if unfinished.exists() {
        fs_err::remove_dir_all(&unfinished)?;
    }
    fs_err::create_dir_all(&unfinished)?;
    make(&unfinished)?;
    fs_err::rename(&unfinished, root)?;
    Ok(())
}

/// Log-normal sizes, scaled so that each of the two classes makes up half of `bytes`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are positive and far below 2^63"
)]
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
fn sizes(rng: &mut Rng, noise: &[bool], bytes: u64) -> Vec<usize> {
    let raw: Vec<f64> = noise.iter().map(|_| (1.7 * normal(rng)).exp().min(2_000.0)).collect();
    let total = |class: bool| {
        noise.iter().zip(&raw).filter(|(noise, _)| **noise == class).map(|(_, raw)| raw).sum::<f64>()
    };
    let totals = [total(false), total(true)];
    let half = bytes as f64 / 2.0;
    noise.iter().zip(&raw).map(|(noise, raw)| (raw / totals[usize::from(*noise)] * half) as usize).collect()
}

/// A number of the normal distribution (the sum of twelve even ones is close enough).
#[expect(clippy::cast_precision_loss, reason = "numbers are below 2^20")]
fn normal(rng: &mut Rng) -> f64 {
    let sum: f64 = (0..12).map(|_| rng.below(1 << 20) as f64 / f64::from(1 << 20)).sum();
    sum - 6.0
}

fn write(root: &Path, number: usize, extension: &str, content: &[u8]) -> Result<()> {
    let directory = number / FILES_PER_DIRECTORY;
    let directory = root.join(format!("project-{:02}/part-{:03}", directory % 40, directory / 40));
    if number.is_multiple_of(FILES_PER_DIRECTORY) {
        fs_err::create_dir_all(&directory)?;
    }
    fs_err::write(directory.join(format!("document-{number:06}.{extension}")), content)?;
    Ok(())
}
