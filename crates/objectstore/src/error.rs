//! Why a bucket did not do what was asked of it.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use redcedar_system::escape;

/// What kind of failure it is, for whoever decides what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no such object or upload.
    NotFound,
    /// There is no such bucket.
    NoBucket,
    /// We may not.
    Forbidden,
    /// The object is not, or no longer, what a conditional request expects.
    Precondition,
    /// The bucket is in another region.
    OtherRegion,
    /// There are no credentials, or they have expired.
    Credentials,
    /// The clocks of this machine and of the server differ by more than the server allows.
    Clock,
    /// The server could not be reached, or the connection broke.
    Unreachable,
    /// The server has too much to do, and has had for some time.
    Busy,
    /// Something in the server is broken.
    Unavailable,
    /// It is locked, so that nobody can delete or change it.
    Locked,
    /// What arrived is not what was sent.
    Damaged,
    /// The server lists in an order of its own.
    Disorder,
    /// The run was asked to stop.
    Interrupted,
    /// Anything else.
    Other,
}

/// A request that failed: what was asked, of which object, and why it was not done.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {intent}: {reason}")]
pub struct Error {
    kind: Kind,
    intent: String,
    reason: String,
}

impl Error {
    pub(crate) fn new(kind: Kind, intent: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind, intent: intent.into(), reason: reason.into() }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether every other request will fail for the same reason.
    pub(crate) fn is_about_all(&self) -> bool {
        matches!(self.kind, Kind::Credentials | Kind::Clock | Kind::NoBucket | Kind::OtherRegion | Kind::Busy)
    }

    pub(crate) fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// What to try, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self.kind {
            Kind::NoBucket => Some("Redcedar makes no buckets: `aws s3 mb s3://BUCKET` does"),
            Kind::Forbidden => Some(
                "needed are s3:ListBucket on the bucket, and on its objects s3:GetObject for reading, \
                 s3:PutObject for writing, s3:DeleteObject for --delete",
            ),
            Kind::OtherRegion => Some("AWS_REGION, or region in ~/.aws/config, says where the bucket is"),
            Kind::Credentials => Some(
                "credentials are looked for as the AWS CLI does: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
                 AWS_PROFILE, ~/.aws/credentials, ~/.aws/config, and roles of the machine",
            ),
            Kind::Clock => Some(
                "the clock of this machine is wrong, or that of the server; `timedatectl` shows the first",
            ),
            Kind::Locked => Some("the version that is locked stays until then, whoever asks"),
            Kind::Unreachable => Some("AWS_ENDPOINT_URL names a server other than that of Amazon"),
            _ => None,
        }
    }

    /// Makes one of what the library says about a request.
    pub(crate) fn from_sdk<E>(intent: String, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let service = error.as_service_error();
        let code = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
        let kind = kind(error, status, code);
        let message = service.and_then(ProvideErrorMetadata::message).unwrap_or_default();
        let reason = match (service, status) {
            (Some(_), Some(status)) if code.is_empty() => format!("the server answers {status}"),
            (Some(_), Some(status)) => format!("the server answers {status} {code}: {message}"),
            _ => chain(error),
        };
        let reason = reason.trim_end_matches([':', ' ']);
        Self::new(kind, intent, escape::display_bytes(reason.as_bytes()).to_string())
    }
}

fn kind<E>(error: &SdkError<E, HttpResponse>, status: Option<u16>, code: &str) -> Kind {
    match (error, status, code) {
        (_, _, "NoSuchBucket") => Kind::NoBucket,
        (
            _,
            _,
            "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "NotSignedUp",
        ) => Kind::Credentials,
        (_, _, "RequestTimeTooSkewed") => Kind::Clock,
        (_, _, "ServiceUnavailable" | "SlowDown") | (_, Some(429 | 503), _) => Kind::Busy,
        // Some requests are answered by 200 before it is known whether they succeed.
        (_, _, "InternalError") => Kind::Unavailable,
        (
            _,
            _,
            "BadDigest" | "InvalidDigest" | "XAmzContentSHA256Mismatch" | "XAmzContentChecksumMismatch",
        ) => Kind::Damaged,
        (_, Some(404), _) => Kind::NotFound,
        (_, Some(301 | 307), _) | (_, _, "AuthorizationHeaderMalformed") => Kind::OtherRegion,
        (_, Some(401 | 403), _) => Kind::Forbidden,
        (_, Some(409 | 412), _) => Kind::Precondition,
        (_, Some(500..), _) => Kind::Unavailable,
        (SdkError::TimeoutError(_) | SdkError::ResponseError(_), ..) => Kind::Unreachable,
        // A connection that ends before the answer is something else, but at least of a kind.
        (SdkError::DispatchFailure(failure), ..) if !failure.is_other() || failure.as_other().is_some() => {
            Kind::Unreachable
        }
        // Whoever provides credentials fails before anything is sent.
        (SdkError::DispatchFailure(_), ..) => Kind::Credentials,
        _ => Kind::Other,
    }
}

/// An error with what lies behind it, each thing once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
