//! How a bucket is reached: everything that users of the AWS CLI have configured, and what a command line says besides.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_s3::config::{Credentials, RequestChecksumCalculation, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use redcedar_system::{Environment, Level, Monitor};

use super::customer_key::{Secrecy, is_in_the_clear};
use super::gate::Gate;
use super::settings::Addressing;
use super::{Client, Settings};
use crate::error::{Error, Kind};

/// Where a bucket is when nobody says.
const REGION: &str = "us-east-1";
/// How often a request is made that may be made again.
const ATTEMPTS: u32 = 5;
/// What the SDK calls tokens: a request that is made again costs 5 to 14 of them. By itself it has so few that a server with too much to
/// do for a second ends everything.
const TOKENS: usize = 100_000;
/// How long a server may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may take to answer.
const ANSWER: Duration = Duration::from_mins(1);

/// What is said about a server besides what the environment and the files of the AWS CLI say.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The server, as an URL.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The profile of the files of the AWS CLI.
    pub profile: Option<String>,
    /// The id of a key, and its secret.
    pub key: Option<Key>,
}

/// A key and its secret, which is not shown.
#[derive(Clone)]
pub struct Key {
    /// The id.
    pub id: String,
    /// The secret.
    pub secret: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Client {
    /// Prepares for requests. Nothing is asked of the server yet.
    pub(crate) async fn connect(
        bucket: &str,
        access: &Access,
        environment: &Environment,
        monitor: &dyn Monitor,
    ) -> Result<Self, Error> {
        let http = http_client(environment)?;
        let config = configuration(access, http).await;
        let block = s3_block(access).await?;
        let endpoint = environment
            .get("AWS_ENDPOINT_URL_S3")
            .map(|endpoint| endpoint.to_string_lossy().into_owned())
            .filter(|_| access.endpoint.is_none())
            .or_else(|| config.endpoint_url().map(str::to_owned));
        let mut settings = Settings {
            checksums: config.request_checksum_calculation()
                != Some(RequestChecksumCalculation::WhenRequired),
            sign_bodies: endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http:")),
            // Few servers other than Amazon's have a name for each bucket.
            addressing: Addressing { path_style: endpoint.is_some(), ..Addressing::default() },
            ..Settings::default()
        };
        for line in settings.read(&block) {
            let message =
                format!("the block s3 of the AWS configuration has a line that means nothing: {line}");
            monitor.log(Level::Warning, &message);
        }
        let gate = Gate::new(settings.requests);
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .interceptor(gate.clone())
            .interceptor(Secrecy)
            .force_path_style(settings.addressing.path_style)
            .accelerate(settings.addressing.accelerate)
            .use_dual_stack(settings.addressing.dual_stack)
            .retry_partition(
                RetryPartition::custom("redcedar").token_bucket(TokenBucket::new(TOKENS)).build(),
            )
            // Uploads carry checksums of ours.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        Ok(Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            bucket: bucket.into(),
            settings: Arc::new(settings),
            opaque_etags: Arc::default(),
            customer_key: None,
            is_in_the_clear: endpoint.as_deref().is_some_and(is_in_the_clear),
            gate,
        })
    }
}

/// The block `s3 =` of the profile.
async fn s3_block(access: &Access) -> Result<String, Error> {
    let (files, variables, paths) = Default::default();
    let profile = access.profile.clone().map(Into::into);
    let profiles = aws_config::profile::load(&files, &variables, &paths, profile).await;
    let profiles = profiles.map_err(|error| unusable(&error))?;
    Ok(profiles.get("s3").unwrap_or_default().to_owned())
}

/// Everything that the environment and the files of the AWS CLI say.
async fn configuration(access: &Access, http: SharedHttpClient) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build();
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts);
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = &access.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(region) = &access.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(Key { id, secret }) = &access.key {
        loader = loader.credentials_provider(Credentials::new(id, secret, None, None, "given"));
    }
    let config = loader.load().await;
    let retries = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let attempts = retries.max_attempts().max(ATTEMPTS);
    let region = config.region().cloned().unwrap_or(Region::from_static(REGION));
    config.into_builder().region(region).retry_config(retries.with_max_attempts(attempts)).build()
}

/// Trusts what the machine trusts, or what `AWS_CA_BUNDLE` names, and goes through the proxies of the environment.
fn http_client(environment: &Environment) -> Result<SharedHttpClient, Error> {
    let context = match environment.get("AWS_CA_BUNDLE").map(Path::new) {
        None => TlsContext::default(),
        Some(bundle) => {
            let certificates = fs_err::read(bundle).map_err(|error| unusable(&error))?;
            let trust = TrustStore::empty().with_pem_certificate(certificates);
            TlsContext::builder().with_trust_store(trust).build().map_err(|error| unusable(&error))?
        }
    };
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context.clone()).build()
    }))
}

fn unusable(error: &dyn std::error::Error) -> Error {
    Error::new(Kind::Other, "use the AWS configuration", error.to_string())
}
