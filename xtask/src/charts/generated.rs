//! Files of the charts that are generated wholly or in part from the CRD and from comments.

use anyhow::{Result, bail};

use super::{WRITE_THEM, comments, readme, spec, values, values_schema};
use crate::repository::Repository;

const OPERATOR_VALUES: &str = "charts/ping-operator/values.yaml";
const OPERATOR_SCHEMA: &str = "charts/ping-operator/values.schema.json";
const OPERATOR_README: &str = "charts/ping-operator/README.md";
const PINGSTACK_README: &str = "charts/pingstack/README.md";

struct Generated {
    path: &'static str,
    text: String,
}

pub(super) fn check(repository: &Repository) -> Result<()> {
    let stale: Vec<&str> = stale(repository)?.iter().map(|file| file.path).collect();
    if !stale.is_empty() {
        bail!("{}: out of date; {WRITE_THEM}", stale.join(", "));
    }
    Ok(())
}

/// The paths of the files that it had to write.
pub(super) fn write(repository: &Repository) -> Result<Vec<String>> {
    let mut written = Vec::new();
    for file in stale(repository)? {
        repository.write(file.path, &file.text)?;
        written.push(file.path.to_owned());
    }
    Ok(written)
}

fn stale(repository: &Repository) -> Result<Vec<Generated>> {
    let mut files = all(repository)?;
    files.retain(|file| repository.read(file.path).map_or(true, |current| current != file.text));
    Ok(files)
}

fn all(repository: &Repository) -> Result<Vec<Generated>> {
    let spec = spec::read(repository)?;
    let operator_values = repository.read(OPERATOR_VALUES)?;
    values_schema::compare(&operator_values, &repository.read(OPERATOR_SCHEMA)?, OPERATOR_SCHEMA)?;

    let pingstack_values = values::generate(&repository.read(values::PATH)?, &spec)?;
    let mut pingstack_rows = comments::rows(values::own(&pingstack_values)?)?;
    pingstack_rows.extend(readme::rows_of("", &spec));
    let operator_rows = comments::rows(&operator_values)?;
    Ok(vec![
        Generated {
            path: PINGSTACK_README,
            text: readme::with_table(&repository.read(PINGSTACK_README)?, &pingstack_rows)?,
        },
        Generated {
            path: OPERATOR_README,
            text: readme::with_table(&repository.read(OPERATOR_README)?, &operator_rows)?,
        },
        Generated { path: values_schema::PATH, text: values_schema::generate(&spec)? },
        Generated { path: values::PATH, text: pingstack_values },
    ])
}

#[cfg(test)]
mod tests {
    use super::{
        OPERATOR_README, OPERATOR_SCHEMA, OPERATOR_VALUES, PINGSTACK_README, check, values, values_schema,
        write,
    };
    use crate::repository::{Repository, planted};

    const SOURCES: [&str; 7] = [
        "charts/ping-operator/files/crd.yaml",
        OPERATOR_VALUES,
        OPERATOR_SCHEMA,
        OPERATOR_README,
        PINGSTACK_README,
        values::PATH,
        values_schema::PATH,
    ];

    #[test]
    fn each_file_that_is_out_of_date_is_found_and_can_be_written_again() {
        let here = Repository::of_this_program();
        let texts = SOURCES.map(|path| (path, here.read(path).unwrap()));
        let (_folder, repository) =
            planted::repository(&texts.each_ref().map(|(path, text)| (*path, text.as_str())));
        check(&repository).unwrap();

        let crd = repository.read(SOURCES[0]).unwrap();
        repository
            .write(
                SOURCES[0],
                &crd.replacen("minLength: 1", "minLength: 2", 1).replacen("default: 300", "default: 301", 1),
            )
            .unwrap();
        let readme = repository.read(OPERATOR_README).unwrap();
        repository.write(OPERATOR_README, &readme.replacen("| `replicas` |", "| `replica` |", 1)).unwrap();

        let error = check(&repository).unwrap_err().to_string();
        for path in [PINGSTACK_README, OPERATOR_README, values::PATH, values_schema::PATH] {
            assert!(error.contains(path), "{path} is not in {error}");
        }
        assert_eq!(write(&repository).unwrap().len(), 4);
        check(&repository).unwrap();
        assert_eq!(repository.read(OPERATOR_README).unwrap(), readme);
    }
}
