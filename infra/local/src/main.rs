//! `portico`: the local cloud as a command. See `portico help`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portico_access::Keyring;
use portico_local::{Cloud, LocalError, Options, seed};
use portico_runtime::Deployment;
use tokio::signal::unix::{SignalKind, signal};

const HELP: &str = "\
portico [run]         the whole cloud in this process, until Ctrl-C
portico openapi       prints the OpenAPI document
portico organisation  makes an organisation in the tables PORTALS_TABLE and USERS_TABLE, and prints it as JSON
portico gateway-secret  prints the secret by which an SMS gateway knows this deployment: the key of its signatures

run:           PORT (8787), DATA_DIR (.local), DYNAMODB_PORT, S3_PORT (any free ones), AWS_ENDPOINT_URL_DYNAMODB, _S3, _SNS,
               _SESV2, WECHAT_API_URL, WECHAT_OPEN_URL (instead of the built-in parts), and whatever template.yaml gives
               the functions, such as CAP_CLIENT_MINUTELY
organisation:  the tables above, AWS_ENDPOINT_URL_DYNAMODB or real AWS credentials, and as arguments: name, suffix of the
               link, email address of the owner
gateway-secret:  SECRET_ARN, and real AWS credentials
";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        [] | ["run"] => run().await,
        ["openapi"] => {
            say(&portico_local::openapi::yaml());
            Ok(())
        }
        ["gateway-secret"] => gateway_secret().await,
        ["organisation", name, suffix, owner] => organisation(name, suffix, owner).await,
        _ => {
            say(HELP);
            return if arguments == ["help"] { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody reads: nothing to tell.
            writeln!(io::stderr(), "portico: {}", error.chain()).ok();
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), LocalError> {
    start_logs();
    let stopped = stop_signal()?;
    let environment: BTreeMap<_, _> = variables();
    let port = |name: &str| -> Result<Option<u16>, LocalError> {
        let invalid = |_| LocalError::Setting { name: name.to_owned(), problem: "is no port".to_owned() };
        environment.get(name).filter(|text| !text.is_empty()).map(|text| text.parse().map_err(invalid)).transpose()
    };
    let own_template = PathBuf::from("template.yaml");
    let cloud = Cloud::start(Options {
        data_dir: Some(environment.get("DATA_DIR").filter(|text| !text.is_empty()).map_or(".local", String::as_str).into()),
        port: Some(port("PORT")?.unwrap_or(8787)),
        database_port: port("DYNAMODB_PORT")?,
        objects_port: port("S3_PORT")?,
        template: own_template.exists().then_some(own_template),
        environment,
        background: true,
    })
    .await?;

    let portal = match cloud.demo().await {
        Ok(demo) => demo.link,
        Err(error) => error.chain(),
    };
    let url = cloud.base_url();
    say(&format!(
        "\n  Portico runs locally. Ctrl-C stops it.\n\n  demo portal   {portal}\n  inbox         {url}/_local/inbox\n  WeChat        {url}/_local/wechat/\n  for scripts   \
         {url}/_local/demo\n  API           {url}/v1\n  DynamoDB      {}\n\n",
        cloud.database().endpoint()
    ));
    stopped.await;
    cloud.stop().await;
    Ok(())
}

async fn organisation(name: &str, suffix: &str, owner: &str) -> Result<(), LocalError> {
    let seeded = seed::seed(&Deployment::from_process(), name, suffix, owner).await.map_err(LocalError::Seed)?;
    say(&format!("{:#}\n", serde_json::json!(seeded)));
    Ok(())
}

async fn gateway_secret() -> Result<(), LocalError> {
    let unreadable = |problem: String| LocalError::Setting { name: "SECRET_ARN".to_owned(), problem };
    let keys = Keyring::new(&Deployment::from_process()).gateway_keys().await;
    let keys = keys.map_err(|error| unreadable(format!("names no secret that can be read: {error}")))?;
    let key = keys.first().ok_or_else(|| unreadable("names an empty secret".to_owned()))?;
    // The prefix and the Base64 are those of the Standard Webhooks specification.
    say(&format!("whsec_{}\n", STANDARD.encode(key)));
    Ok(())
}

/// Resolves at SIGINT or SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()>, LocalError> {
    let wait = |kind| signal(kind).map_err(|source| LocalError::Io { what: "cannot wait for signals".to_owned(), source });
    let (mut interrupt, mut terminate) = (wait(SignalKind::interrupt())?, wait(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "this process is the deployment: its environment is the operator's settings")]
fn variables() -> BTreeMap<String, String> {
    std::env::vars().collect()
}

fn start_logs() {
    use tracing_subscriber::filter::LevelFilter;
    let level = variables().get("RUST_LOG").and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::WARN);
    tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).init();
}

fn say(text: &str) {
    // Nobody reads: nothing to tell.
    io::stdout().write_all(text.as_bytes()).ok();
}
