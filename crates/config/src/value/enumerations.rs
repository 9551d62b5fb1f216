//! Values of which there is a short list.

use std::fmt;
use std::str::FromStr;

use crate::suggest::nearest;

/// Text that is none of the values of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {}{}", .allowed.join(", "), suggestion(*.nearest))]
pub struct UnknownLiteral {
    /// All values there are.
    pub allowed: &'static [&'static str],
    /// The one that was probably meant.
    pub nearest: Option<&'static str>,
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

impl UnknownLiteral {
    fn new(text: &str, allowed: &'static [&'static str]) -> Self {
        Self { allowed, nearest: nearest(text, allowed.iter().copied()) }
    }
}

macro_rules! enumeration {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// Every value as it is written in a file.
            pub const LITERALS: &'static [&'static str] = &[$($text),+];

            /// The value as it is written in a file.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownLiteral;
            fn from_str(text: &str) -> Result<Self, UnknownLiteral> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownLiteral::new(text, Self::LITERALS)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

enumeration! {
    /// When an item is collected, and how much of it.
    CollectMode {
        /// Everything, every day.
        Daily = "daily",
        /// Everything, on the starting day only.
        Weekly = "weekly",
        /// Everything on the starting day, what changed on the others.
        Incremental = "incr",
    }
}

enumeration! {
    /// How an archive is compressed.
    ArchiveMode {
        /// Not at all: `.tar`.
        Tar = "tar",
        /// With gzip: `.tar.gz`.
        TarGzip = "targz",
        /// With bzip2: `.tar.bz2`.
        TarBzip2 = "tarbz2",
        /// With zstd: `.tar.zst`. Ours: the originals refuse a file that says so.
        TarZstd = "tarzst",
    }
}

enumeration! {
    /// How actions are ordered.
    OrderMode {
        /// By their numeric index.
        Index = "index",
        /// By what they say they run before and after.
        Dependency = "dependency",
    }
}

enumeration! {
    /// The first day of the backup week.
    StartingDay {
        /// Monday.
        Monday = "monday",
        /// Tuesday.
        Tuesday = "tuesday",
        /// Wednesday.
        Wednesday = "wednesday",
        /// Thursday.
        Thursday = "thursday",
        /// Friday.
        Friday = "friday",
        /// Saturday.
        Saturday = "saturday",
        /// Sunday.
        Sunday = "sunday",
    }
}

enumeration! {
    /// What happens before anything is purged when what a peer staged last is unlike what it staged before. Ours.
    AnomalyMode {
        /// It is said.
        Warn = "warn",
        /// It is said, and the days of the peer stay.
        Hold = "hold",
        /// Nobody looks.
        Ignore = "ignore",
    }
}

enumeration! {
    /// Which days' "not ready" of a peer is no error.
    IgnoreFailures {
        /// Always an error.
        None = "none",
        /// Never an error.
        All = "all",
        /// Ignored on ordinary days.
        Daily = "daily",
        /// Ignored on a full backup and on the starting day.
        Weekly = "weekly",
    }
}

enumeration! {
    /// Kinds of discs.
    MediaType {
        /// 650 MB, written once.
        CdR74 = "cdr-74",
        /// 650 MB, rewritable.
        CdRw74 = "cdrw-74",
        /// 700 MB, written once.
        CdR80 = "cdr-80",
        /// 700 MB, rewritable.
        CdRw80 = "cdrw-80",
        /// 4.7 GB, written once.
        DvdPlusR = "dvd+r",
        /// 4.7 GB, rewritable.
        DvdPlusRw = "dvd+rw",
        /// 4.7 GB, written once. This and what follows is ours: the originals refuse a file that says so.
        DvdMinusR = "dvd-r",
        /// 4.7 GB, rewritable.
        DvdMinusRw = "dvd-rw",
        /// 8.5 GB, written once.
        DvdPlusRDl = "dvd+r-dl",
        /// 8.5 GB, written once.
        DvdMinusRDl = "dvd-r-dl",
        /// 4.7 GB, rewritable.
        DvdRam = "dvd-ram",
        /// 25 GB, written once.
        BdR = "bd-r",
        /// 25 GB, rewritable.
        BdRe = "bd-re",
        /// 50 GB, written once.
        BdRDl = "bd-r-dl",
        /// 50 GB, rewritable.
        BdReDl = "bd-re-dl",
    }
}

enumeration! {
    /// Which programs write discs. Ours.
    BurnerProgram {
        /// One that can do everything.
        Xorriso = "xorriso",
        /// Those of the originals: `cdrecord` with `mkisofs`, or `growisofs`.
        Classic = "classic",
    }
}

enumeration! {
    /// Kinds of drives.
    DeviceType {
        /// Writes CDs.
        CdWriter = "cdwriter",
        /// Writes DVDs.
        DvdWriter = "dvdwriter",
    }
}

enumeration! {
    /// When a disc may be blanked.
    BlankMode {
        /// Any day.
        Daily = "daily",
        /// On the starting day.
        Weekly = "weekly",
    }
}
