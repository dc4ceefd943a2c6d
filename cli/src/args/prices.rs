//! Arguments of the subcommands about prices.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tollgate_prices::{Decimal, Quantities, SearchContext};

/// Arguments of `tollgate price`.
#[derive(Clone, Debug, Args)]
pub struct PriceArgs {
    /// Model, as a request or response names it.
    #[arg(long, value_name = "M")]
    pub model: String,
    /// Provider, which chooses among the prices of several. Default: that of the policy.
    #[arg(long, value_name = "P")]
    pub provider: Option<String>,
    /// Policy whose prices, aliases, discounts and uplifts apply. Default: the built-in table alone.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Service tier: flex, priority, batch, balanced, fast, ultrafast. Any other has the default prices.
    #[arg(long, value_name = "TIER")]
    pub service_tier: Option<String>,
    /// Quantities of the call.
    #[command(flatten)]
    pub quantities: QuantityArgs,
    /// Print how the price was found, and each part of the cost.
    #[arg(long)]
    pub explain: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Quantities of a call. Totals include their parts, as in [`Quantities`].
#[derive(Clone, Debug, Default, Args)]
pub struct QuantityArgs {
    /// Prompt tokens, including cached ones and those of media.
    #[arg(long, value_name = "N", default_value_t)]
    pub input: u64,
    /// Prompt tokens read from the provider's cache.
    #[arg(long, value_name = "N", default_value_t)]
    pub cached: u64,
    /// Cached prompt tokens that are audio.
    #[arg(long, value_name = "N", default_value_t)]
    pub cached_audio: u64,
    /// Cached prompt tokens that are images.
    #[arg(long, value_name = "N", default_value_t)]
    pub cached_image: u64,
    /// Prompt tokens written to the provider's cache with its shortest lifetime.
    #[arg(long, value_name = "N", default_value_t)]
    pub cache_write: u64,
    /// Prompt tokens written to the provider's cache for one hour.
    #[arg(long = "cache-write-1h", value_name = "N", default_value_t)]
    pub cache_write_1h: u64,
    /// Prompt tokens written to the provider's cache for 12 hours.
    #[arg(long = "cache-write-12h", value_name = "N", default_value_t)]
    pub cache_write_12h: u64,
    /// Prompt tokens that are audio.
    #[arg(long, value_name = "N", default_value_t)]
    pub audio_input: u64,
    /// Prompt tokens that are images.
    #[arg(long, value_name = "N", default_value_t)]
    pub image_input: u64,
    /// Prompt tokens that are video.
    #[arg(long, value_name = "N", default_value_t)]
    pub video_input: u64,
    /// Tokens of cited documents.
    #[arg(long, value_name = "N", default_value_t)]
    pub citations: u64,
    /// Output tokens, including reasoning and those of media.
    #[arg(long, value_name = "N", default_value_t)]
    pub output: u64,
    /// Output tokens that are reasoning.
    #[arg(long, value_name = "N", default_value_t)]
    pub reasoning: u64,
    /// Output tokens that are audio.
    #[arg(long, value_name = "N", default_value_t)]
    pub audio_output: u64,
    /// Output tokens that are images.
    #[arg(long, value_name = "N", default_value_t)]
    pub image_output: u64,
    /// Output tokens that are video.
    #[arg(long, value_name = "N", default_value_t)]
    pub video_output: u64,
    /// Seconds of audio in the request, with at most three decimals.
    #[arg(long, value_name = "S", value_parser = milliseconds, default_value = "0")]
    pub audio_seconds: u64,
    /// Seconds of video in the request.
    #[arg(long, value_name = "S", value_parser = milliseconds, default_value = "0")]
    pub video_seconds: u64,
    /// Seconds of generated audio or video.
    #[arg(long, value_name = "S", value_parser = milliseconds, default_value = "0")]
    pub output_seconds: u64,
    /// Images in the request, for models priced by the image.
    #[arg(long, value_name = "N", default_value_t)]
    pub input_images: u64,
    /// Generated images, for models priced by the image.
    #[arg(long, value_name = "N", default_value_t)]
    pub output_images: u64,
    /// Characters of the request, for models priced by the character.
    #[arg(long, value_name = "N", default_value_t)]
    pub characters: u64,
    /// Pages of documents.
    #[arg(long, value_name = "N", default_value_t)]
    pub pages: u64,
    /// Search queries of a rerank or search request.
    #[arg(long, value_name = "N", default_value_t)]
    pub queries: u64,
    /// Requests.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub requests: u64,
    /// Web searches that the provider ran.
    #[arg(long, value_name = "N", default_value_t)]
    pub web_searches: u64,
    /// Size of the context of the web searches.
    #[arg(long, value_enum, value_name = "SIZE", default_value_t)]
    pub search_context: SearchContextArg,
}

/// Sizes of the context of web searches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SearchContextArg {
    /// Small context.
    Low,
    /// Medium context.
    #[default]
    Medium,
    /// Large context.
    High,
}

impl From<&QuantityArgs> for Quantities {
    fn from(args: &QuantityArgs) -> Quantities {
        Quantities {
            input: args.input,
            cached: args.cached,
            cached_audio: args.cached_audio,
            cached_image: args.cached_image,
            cache_write: args.cache_write,
            cache_write_1h: args.cache_write_1h,
            cache_write_12h: args.cache_write_12h,
            audio_input: args.audio_input,
            image_input: args.image_input,
            video_input: args.video_input,
            citations: args.citations,
            output: args.output,
            reasoning: args.reasoning,
            audio_output: args.audio_output,
            image_output: args.image_output,
            video_output: args.video_output,
            audio_ms: args.audio_seconds,
            video_ms: args.video_seconds,
            output_ms: args.output_seconds,
            input_images: args.input_images,
            output_images: args.output_images,
            characters: args.characters,
            pages: args.pages,
            queries: args.queries,
            requests: args.requests,
            web_searches: args.web_searches,
            search_context: match args.search_context {
                SearchContextArg::Low => SearchContext::Low,
                SearchContextArg::Medium => SearchContext::Medium,
                SearchContextArg::High => SearchContext::High,
            },
        }
    }
}

/// Parses seconds as milliseconds.
fn milliseconds(text: &str) -> Result<u64, String> {
    let seconds: Decimal = text.parse().map_err(|error| format!("{error}"))?;
    seconds.scaled(3).ok_or_else(|| "expected seconds with at most three decimals".to_owned())
}

/// Work with price lists.
#[derive(Clone, Debug, Subcommand)]
pub enum PricesCommand {
    /// Write the newest prices as a file that a policy names (`prices: {file: prices-2026-11.yaml}`).
    ///
    /// Downloads the package `litellm` (MIT License) with pip and converts its price list. The file has the models that are new or
    /// have other prices than in the built-in table of this command, so that a policy with `table: built-in` needs no new module
    /// for a new model. What was added, removed and changed is printed.
    ///
    /// Exit status: 0, or 2 if the package cannot be downloaded or read.
    Update(UpdateArgs),
}

/// Arguments of `tollgate prices update`.
#[derive(Clone, Debug, Args)]
pub struct UpdateArgs {
    /// Package (a wheel) or its price file to read instead of downloading the newest one.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Output file. Default: `prices-<year>-<month>.yaml` in the current folder.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write all models, also those with the prices of the built-in table: for a policy without that table.
    #[arg(long)]
    pub all: bool,
    /// Write only models whose name starts with one of these.
    #[arg(long = "only", value_name = "PREFIX")]
    pub only: Vec<String>,
    /// Output format: `yaml` for a policy, or `list` for the source of the built-in table.
    #[arg(long, value_enum, value_name = "F", default_value_t)]
    pub format: PriceFormat,
}

/// Formats of a price list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PriceFormat {
    /// File for a policy.
    #[default]
    Yaml,
    /// Source of the built-in table, one line per model.
    List,
}
