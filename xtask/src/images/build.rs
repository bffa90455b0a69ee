//! Builds what changed, and loads what the cluster lacks.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};

use super::destination::Destination;
use super::engine::{Engine, Kind};
use super::input::{self, Input};
use super::{Image, read};
use crate::cargo;
use crate::environment::variable;
use crate::program::Program;
use crate::repository::Repository;

/// Builds the named images of a list, or all of them, for the cluster in use.
pub(crate) fn for_the_cluster(repository: &Repository, list: &str, names: &[String]) -> Result<String> {
    let images = named(read(repository, list)?, names)
        .with_context(|| format!("the images that there are stand in {list}"))?;
    Builder::new(repository, Destination::in_use(repository)?)?.all(&images)?;
    Ok("images: all are there".to_owned())
}

/// Builds our own images of a list, and loads them nowhere.
pub(crate) fn programs(repository: &Repository, list: &[Image]) -> Result<()> {
    let programs: Vec<Image> = list.iter().filter(|image| image.is_program()).cloned().collect();
    Builder::new(repository, Destination::none())?.all(&programs)
}

fn named(mut images: Vec<Image>, names: &[String]) -> Result<Vec<Image>> {
    if let Some(unknown) = names.iter().find(|name| images.iter().all(|image| image.name != **name)) {
        bail!("there is no image {unknown}");
    }
    images.retain(|image| names.is_empty() || names.contains(&image.name));
    Ok(images)
}

struct Builder<'a> {
    repository: &'a Repository,
    engine: Engine,
    destination: Destination,
    work: PathBuf,
    /// Whether programs are compiled here, once for all, and not in the Dockerfile.
    is_prebuilt: bool,
    started: Instant,
}

impl<'a> Builder<'a> {
    fn new(repository: &'a Repository, destination: Destination) -> Result<Self> {
        let engine = Engine::find(repository)?;
        let is_prebuilt = variable("PREBUILT").map_or(cfg!(target_os = "linux"), |value| value == "1");
        if !is_prebuilt && engine.kind() == Kind::Buildah {
            bail!("PREBUILT=0 compiles the programs in the Dockerfile, which needs Docker: start it");
        }
        let work = repository.build_folder("images")?;
        Ok(Self { repository, engine, destination, work, is_prebuilt, started: Instant::now() })
    }

    fn say(&self, text: &str) {
        eprintln!("{:5}s  images: {text}", self.started.elapsed().as_secs());
    }

    fn all(&self, images: &[Image]) -> Result<()> {
        let lock = File::create(self.work.join("lock"))?;
        if lock.try_lock().is_err() {
            self.say("waiting for another build of images");
            lock.lock()?;
        }
        let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
        self.say(&format!(
            "for the {} cluster, with {}: {}",
            self.destination.way,
            self.engine.name(),
            names.join(" ")
        ));
        let (programs, others): (Vec<&Image>, Vec<&Image>) =
            images.iter().partition(|image| image.is_program());
        // Downloads and packages mostly, while the compiler has the processor.
        std::thread::scope(|scope| {
            let packing = scope.spawn(|| others.iter().try_for_each(|image| self.image(image)));
            let compiled = self.compile(&programs);
            let packed = packing.join().map_err(|_| anyhow!("an image was not packed, see above"))?;
            compiled.and(packed)
        })?;
        programs.iter().try_for_each(|image| self.image(image))
    }

    /// Compiles the programs with glibc linked in, so that they run in an empty image.
    fn compile(&self, programs: &[&Image]) -> Result<()> {
        if programs.is_empty() || !self.is_prebuilt {
            return Ok(());
        }
        let names: Vec<&str> = programs.iter().map(|image| image.source.as_str()).collect();
        self.say(&format!("compiling {}", names.join(" ")));
        let log = self.work.join("cargo.log");
        let folder = Program::new(self.repository.path("dev/release-build"))
            .arguments(&names)
            .output_with_progress(&log, || self.say(&cargo::progress(&log)))?;
        let to = input::prebuilt_folder(self.repository)?;
        let authorities = Path::new("/etc/ssl/certs/ca-certificates.crt");
        let need = format!("[[ -e {0} ]] || need {0} ca-certificates", authorities.display());
        Program::bash(&self.repository.path("dev/need.bash"), &need).output()?;
        let built = names.iter().map(|name| Path::new(folder.trim()).join(name));
        Program::new("install").arguments(built).argument(&to).quietly()?;
        fs::copy(authorities, to.join("ca-certificates.crt")).map(drop).context("no public authorities")
    }

    fn image(&self, image: &Image) -> Result<()> {
        let version = match self.pulled(image) {
            Some(version) => version,
            None => self.built(image).with_context(|| format!("{} was not built", image.built()))?,
        };
        let loaded = self.work.join(format!("{}.loaded", image.name));
        if let Some(mark) = self.destination.mark(&version)
            && fs::read_to_string(&loaded).ok().as_ref() != Some(&mark)
        {
            self.say(&format!("loading {}", image.built()));
            self.destination.load(self.repository, &self.engine, image)?;
            fs::write(&loaded, mark)?;
        }
        Ok(())
    }

    /// The image of others, where Docker can pull it.
    fn pulled(&self, image: &Image) -> Option<String> {
        if image.is_program() || image.kind == "go" {
            return None;
        }
        let version = self.engine.pull(image)?;
        self.say(&format!("{} is {}", image.built(), image.source));
        Some(version)
    }

    /// The version of what the image is built from; it is built again if that has changed.
    fn built(&self, image: &Image) -> Result<String> {
        let input = input::prepare(self.repository, image, self.is_prebuilt)?;
        let version = input.version.clone().unwrap_or_else(now);
        let mark = format!("{} {version}\n", self.engine.name());
        let built = self.work.join(format!("{}.built", image.name));
        let is_there = self.engine.kind() == Kind::Docker || self.engine.archive(image).exists();
        if !is_there || fs::read_to_string(&built).ok().as_ref() != Some(&mark) {
            self.build(image, &input)?;
            fs::write(&built, mark)?;
        }
        Ok(version)
    }

    fn build(&self, image: &Image, input: &Input) -> Result<()> {
        self.say(&format!("building {}", image.built()));
        let dockerfile = self.repository.path(&image.folder).join("Dockerfile");
        self.engine.build(image, input, &dockerfile)?;
        if image.is_program() { self.engine.check_size(image) } else { Ok(()) }
    }
}

/// A version that no earlier build had.
fn now() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::tests::images;
    use super::named;

    #[test]
    fn a_name_that_is_not_in_the_list_is_found() {
        assert_eq!(named(images(), &["redis".to_owned()]).unwrap().len(), 1);
        assert_eq!(named(images(), &[]).unwrap().len(), 2);
        assert_eq!(
            named(images(), &["rediss".to_owned()]).unwrap_err().to_string(),
            "there is no image rediss"
        );
    }
}
