//! A web application: a route pushes an export, another shows how far it is; the worker runs in the same process.
//!
//! `cargo run --example axum_app` and then
//! `curl -X POST localhost:3000/exports/1000000`, `curl localhost:3000/tasks/ID`; Ctrl-C and SIGTERM end both in order.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use mission::{Context, Failure, Mission, Task};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Export {
    rows: u64,
}

/// What the methods share, as the routes share theirs.
struct Greeting(&'static str);

/// Pretends to export rows.
#[mission::method(retries = 3)]
async fn export(ctx: Context, greeting: mission::State<Greeting>, params: Export) -> Result<String, Failure> {
    for n in 1..=params.rows {
        ctx.progress((n, params.rows)).await?;
    }
    Ok(format!("{}: exported {} rows", greeting.0.0, params.rows))
}

type Refusal = (StatusCode, String);

fn refusal(error: mission::Error) -> Refusal {
    let status = if error.is_not_found() {
        StatusCode::NOT_FOUND
    } else if error.is_invalid() {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, format!("{error}\n"))
}

async fn push_export(State(mission): State<Mission>, Path(rows): Path<u64>) -> Result<(StatusCode, String), Refusal> {
    let task = mission.push(export::task(Export { rows }).creator("alice")).await.map_err(refusal)?;
    Ok((StatusCode::ACCEPTED, format!("{}\n", task.unique_id())))
}

async fn show_task(State(mission): State<Mission>, Path(id): Path<String>) -> Result<Json<Task>, Refusal> {
    match mission.get(&id).await.map_err(refusal)? {
        Some(task) => Ok(Json(task)),
        None => Err((StatusCode::NOT_FOUND, format!("there is no task {id}\n"))),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let mission = Mission::open("sqlite://mission.db").await?;
    let worker = mission.worker().state(Greeting("hello")).start().await?;

    let routes = Router::new()
        .route("/exports/{rows}", post(push_export))
        .route("/tasks/{id}", get(show_task))
        .with_state(mission);
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // A worker that was started leaves signals alone: the application ends as it always did, and stops its worker meanwhile, since a
    // connection may stay open for longer than the worker has.
    let told = mission::stop_signal()?;
    let server =
        tokio::spawn(axum::serve(listener, routes).with_graceful_shutdown(mission::stop_signal()?).into_future());
    told.await;
    worker.stop().await;
    Ok(server.await??)
}
