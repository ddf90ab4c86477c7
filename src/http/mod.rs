//! The HTTP API and the pages: every route in one list.
pub mod accept;
mod assets;
pub mod client;
pub mod crowd;
mod frame;
mod health;
pub mod problem;
pub mod tls;

use axum::{Router, middleware, routing::get};
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use crate::app::Shared;
use problem::{Code, Problem};

/// The router with everything around it.
pub fn router(app: Shared) -> Router {
    let routes = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/api/version", get(health::version));
    routes
        .fallback(assets::page)
        .method_not_allowed_fallback(async || Problem::from(Code::WrongMethod))
        .layer(
            ServiceBuilder::new()
                .layer(middleware::from_fn_with_state(app.clone(), frame::dress))
                .layer(CatchPanicLayer::custom(frame::caught))
                .layer(middleware::from_fn(assets::name_encoded))
                .layer(CompressionLayer::new())
                .layer(middleware::from_fn_with_state(app.clone(), client::know)),
        )
        .with_state(app)
}
