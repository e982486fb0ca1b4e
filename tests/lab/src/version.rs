//! Versions of kernels, and the newest package of one that is wanted.

/// The leading numbers of a version, such as 7, 3 and 4 of `7.3.4+deb13`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Version(Vec<u32>);

impl Version {
    /// Reads the numbers at the beginning of `text`.
    pub fn parse(text: &str) -> Option<Version> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let numbers: Result<Vec<u32>, _> = text[..end].split('.').map(str::parse).collect();
        numbers.ok().map(Version)
    }

    /// Tells whether `other` is this version or one of its series: 7.3.4 is one of 7 and 7.3, and 7.30 of 7 alone.
    pub fn covers(&self, other: &Version) -> bool {
        other.0.starts_with(&self.0)
    }
}

/// How the packages of a kernel begin. What is before the version tells its parts: they are in one package, or in two
/// with an empty third.
const PARTS: &[&str] = &["linux-binary-", "linux-modules-", "linux-image-"];

/// The packages of one kernel.
#[derive(Debug, Eq, PartialEq)]
pub struct Packages {
    /// The kernel's release without the flavour, such as `7.3.4+deb13`.
    pub release: String,
    /// Names.
    pub names: Vec<String>,
}

/// Picks the newest kernel of `flavour` that `wanted` covers from the `names` of packages.
pub fn newest(names: &[String], flavour: &str, wanted: Option<&Version>) -> Option<Packages> {
    let end = format!("-{flavour}");
    let release = |name: &String| {
        let release = name.strip_prefix("linux-image-")?.strip_suffix(&end)?;
        let version = Version::parse(release)?;
        wanted.is_none_or(|wanted| wanted.covers(&version)).then(|| (version, release.to_owned()))
    };
    let (_, release) = names.iter().filter_map(release).max()?;
    let parts = PARTS.iter().map(|part| format!("{part}{release}{end}"));
    let parts = parts.filter(|part| names.contains(part)).collect();
    Some(Packages { release, names: parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        let names = [
            "linux-binary-7.2.12+deb13-cloud-arm64",
            "linux-binary-7.30.1+deb13-cloud-arm64",
            "linux-binary-7.3.4+deb13-arm64",
            "linux-binary-7.3.4+deb13-cloud-arm64",
            "linux-binary-unsigned-7.3.4+deb13-cloud-arm64",
            "linux-image-6.12.107+deb13-cloud-arm64",
            "linux-image-6.12.95+deb13-cloud-arm64",
            "linux-image-7.2.12+deb13-cloud-arm64",
            "linux-image-7.3.4+deb13-arm64",
            "linux-image-7.3.4+deb13-cloud-arm64",
            "linux-image-cloud-arm64",
            "linux-modules-7.2.12+deb13-cloud-arm64",
            "linux-modules-7.3.4+deb13-cloud-arm64",
        ];
        names.map(str::to_owned).to_vec()
    }

    fn release(wanted: Option<&str>) -> Option<String> {
        let wanted = wanted.map(|text| Version::parse(text).expect("a version"));
        newest(&names(), "cloud-arm64", wanted.as_ref()).map(|packages| packages.release)
    }

    #[test]
    fn the_newest_is_the_highest_number_not_the_last_name() {
        assert_eq!(release(None).as_deref(), Some("7.3.4+deb13"));
        assert_eq!(release(Some("6.12")).as_deref(), Some("6.12.107+deb13"));
    }

    #[test]
    fn a_version_covers_its_series_and_no_other() {
        assert_eq!(release(Some("7")).as_deref(), Some("7.3.4+deb13"));
        assert_eq!(release(Some("7.2")).as_deref(), Some("7.2.12+deb13"));
        assert_eq!(release(Some("7.3.4")).as_deref(), Some("7.3.4+deb13"));
        assert_eq!(release(Some("7.30")), None);
        assert_eq!(release(Some("6.1")), None);
    }

    #[test]
    fn a_kernel_is_one_package_or_several() {
        let whole = newest(&names(), "cloud-arm64", Version::parse("6.12").as_ref());
        let names_of = |packages: Option<Packages>| packages.map(|packages| packages.names);
        assert_eq!(
            names_of(whole),
            Some(vec!["linux-image-6.12.107+deb13-cloud-arm64".to_owned()])
        );
        let split = newest(&names(), "cloud-arm64", None);
        let expected = [
            "linux-binary-7.3.4+deb13-cloud-arm64",
            "linux-modules-7.3.4+deb13-cloud-arm64",
            "linux-image-7.3.4+deb13-cloud-arm64",
        ];
        assert_eq!(names_of(split), Some(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_has_no_number_is_no_version() {
        for text in ["", "newest", ".", "7.", "+deb13"] {
            assert_eq!(Version::parse(text), None, "{text:?}");
        }
    }
}
