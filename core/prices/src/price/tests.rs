use proptest::prelude::*;

use super::*;
use crate::quantities::SearchContext;
use Dimension::*;

fn dollars(text: &str, per: Per) -> UnitPrice {
    UnitPrice::from_dollars(text.parse().unwrap(), per).unwrap()
}

fn rate(dimension: Dimension, price: &str) -> Rate {
    Rate { dimension, tier: None, above: 0, price: dollars(price, dimension.per()) }
}

fn model(rates: &[(Dimension, &str)]) -> ModelPrice {
    ModelPrice::new(rates.iter().map(|(dimension, price)| rate(*dimension, price)).collect())
}

/// gpt-5.6-terra as published in November 2026: tiers by length and service, and combinations of both.
fn terra() -> ModelPrice {
    let mut rates = vec![rate(Input, "2"), rate(CachedInput, "0.2"), rate(Output, "12"), rate(CacheWrite, "2.5")];
    for (dimension, tier, above, price) in [
        (Input, None, 272_000, "4"),
        (CachedInput, None, 272_000, "0.4"),
        (CacheWrite, None, 272_000, "5"),
        (Output, None, 272_000, "18"),
        (Input, Some(ServiceTier::Priority), 0, "4"),
        (CachedInput, Some(ServiceTier::Priority), 0, "0.4"),
        (Output, Some(ServiceTier::Priority), 0, "24"),
        (Input, Some(ServiceTier::Priority), 272_000, "8"),
        (Output, Some(ServiceTier::Priority), 272_000, "36"),
        (Input, Some(ServiceTier::Flex), 0, "1"),
        (Output, Some(ServiceTier::Flex), 0, "6"),
    ] {
        rates.push(Rate { tier, above, ..rate(dimension, price) });
    }
    ModelPrice::new(rates)
}

#[test]
fn cost_is_rounded_once_over_the_sum() {
    let gpt_4o = model(&[(Input, "2.50"), (CachedInput, "1.25"), (Output, "10.00")]);
    let tiny = model(&[(Input, "0.0001"), (Output, "0.0001")]); // 0.1 nano-dollars per token
    for (price, input, cached, output, nanos) in [
        (&gpt_4o, 0, 0, 0, 0),
        (&gpt_4o, 1, 0, 0, 2_500),
        (&gpt_4o, 1, 1, 0, 1_250),
        (&gpt_4o, 0, 0, 1, 10_000),
        (&gpt_4o, 1_000_000, 400_000, 100_000, 1_500_000_000 + 500_000_000 + 1_000_000_000),
        // More cached than input is still charged.
        (&gpt_4o, 0, 1_000, 0, 1_250_000),
        // Rounded once over the sum: 0.2 + 0.2 is 0, 0.3 + 0.2 is 1.
        (&tiny, 2, 0, 2, 0),
        (&tiny, 3, 0, 2, 1),
        (&tiny, 5, 0, 0, 1),
        (&tiny, 4, 0, 0, 0),
        (&tiny, 14, 0, 0, 1),
        (&tiny, 15, 0, 0, 2),
    ] {
        let used = Quantities { input, cached, output, ..Quantities::default() };
        assert_eq!(price.cost(&used, None), NanoUsd(nanos), "{used:?}");
    }
}

/// Anthropic, "Prompt caching": reads cost a tenth of the input price, writes 1.25 times (five minutes) or twice (one hour).
#[test]
fn cache_reads_and_writes_have_their_own_prices() {
    let plain = model(&[(Input, "3.00"), (CachedInput, "0.30"), (Output, "15.00")]);
    let sonnet = model(&[
        (Input, "3.00"),
        (CachedInput, "0.30"),
        (Output, "15.00"),
        (CacheWrite, "3.75"),
        (CacheWrite1h, "6.00"),
    ]);
    for (input, cached, cache_write, cache_write_1h, output, nanos, nanos_plain) in [
        (1_000, 0, 0, 0, 0, 3_000_000, 3_000_000),
        (1_000, 1_000, 0, 0, 0, 300_000, 300_000),
        (1_000, 0, 1_000, 0, 0, 3_750_000, 3_000_000),
        (1_000, 0, 0, 1_000, 0, 6_000_000, 3_000_000),
        // 100 uncached, 400 read, 200 and 300 written.
        (1_000, 400, 200, 300, 10, 300_000 + 120_000 + 750_000 + 1_800_000 + 150_000, 300_000 + 120_000 + 1_650_000),
        // Contradictory report: everything reported is charged.
        (10, 400, 200, 300, 0, 120_000 + 750_000 + 1_800_000, 120_000 + 1_500_000),
    ] {
        let used = Quantities { input, cached, cache_write, cache_write_1h, output, ..Quantities::default() };
        assert_eq!(sonnet.cost(&used, None), NanoUsd(nanos), "{used:?}");
        assert_eq!(plain.cost(&used, None), NanoUsd(nanos_plain), "{used:?}");
    }
    let most = Quantities { input: 1_000, output: 10, ..Quantities::default() };
    assert_eq!(sonnet.worst_case(&most, None), NanoUsd(6_150_000), "the whole prompt may be written for one hour");
    assert_eq!(plain.worst_case(&most, None), NanoUsd(3_150_000));
}

#[test]
fn a_long_prompt_and_a_service_tier_change_the_whole_call() {
    use ServiceTier::{Batch, Flex, Priority};
    let terra = terra();
    for (tier, input, cached, output, nanos) in [
        (None, 272_000, 0, 1_000, 272_000 * 2_000 + 1_000 * 12_000),
        (None, 272_001, 0, 1_000, 272_001 * 4_000 + 1_000 * 18_000),
        (None, 300_000, 100_000, 0, 200_000 * 4_000 + 100_000 * 400),
        (Some(Priority), 100, 100, 10, 100 * 400 + 10 * 24_000),
        (Some(Priority), 300_000, 0, 10, 300_000 * 8_000 + 10 * 36_000),
        (Some(Flex), 100, 0, 10, 100 * 1_000 + 10 * 6_000),
        // No flex price above the threshold: the one of all tiers applies.
        (Some(Flex), 300_000, 0, 10, 300_000 * 4_000 + 10 * 18_000),
        // A tier without prices has those of the default one.
        (Some(Batch), 100, 0, 10, 100 * 2_000 + 10 * 12_000),
    ] {
        let used = Quantities { input, cached, output, ..Quantities::default() };
        assert_eq!(terra.cost(&used, tier), NanoUsd(nanos), "{tier:?}, {used:?}");
    }
    let most = Quantities { input: 300_000, output: 10, ..Quantities::default() };
    assert_eq!(terra.worst_case(&most, None), NanoUsd(300_000 * 5_000 + 10 * 18_000), "cache writes above 272k");
    assert_eq!(terra.worst_case(&most, Some(Flex)), terra.worst_case(&most, None), "flex may be served as default");
    assert_eq!(terra.worst_case(&most, Some(Priority)), NanoUsd(300_000 * 8_000 + 10 * 36_000));
}

#[test]
fn a_dimension_without_a_price_has_that_of_its_parent() {
    let price = ModelPrice::new(vec![
        rate(Input, "2"),
        rate(Output, "10"),
        rate(Reasoning, "10"),
        rate(ImageOutput, "120"),
        rate(AudioInput, "5"),
        Rate { tier: Some(ServiceTier::Flex), ..rate(Output, "5") },
        Rate { above: 1_000, ..rate(Output, "15") },
        Rate { above: 1_000, ..rate(AudioInput, "1") },
    ]);
    for (dimension, tier, input, expected) in [
        (CachedInput, None, 0, "2"),
        (CacheWrite12h, None, 0, "2"),
        (VideoInput, None, 0, "2"),
        (CachedAudioInput, None, 0, "2"),
        (AudioOutput, None, 0, "10"),
        // Reasoning is priced as output, and follows it.
        (Reasoning, None, 0, "10"),
        (Reasoning, None, 1_001, "15"),
        (Reasoning, Some(ServiceTier::Flex), 0, "5"),
        // Images have a price of their own, and keep it.
        (ImageOutput, None, 1_001, "120"),
        (ImageOutput, Some(ServiceTier::Flex), 0, "120"),
        // A long prompt never lowers a price.
        (AudioInput, None, 1_001, "5"),
        (WebSearch, None, 0, "0"),
    ] {
        assert_eq!(price.price(dimension, tier, input), dollars(expected, dimension.per()), "{dimension:?} {input}");
    }
}

#[test]
fn seconds_pieces_and_fees_are_added() {
    let mut price = model(&[
        (AudioSecond, "0.0001"),
        (OutputImage, "0.04"),
        (Page, "0.003"),
        (Character, "0.000015"),
        (Request, "0.005"),
        (Query, "0.001"),
        (WebSearch, "0.01"),
        (WebSearchHigh, "0.014"),
    ]);
    let cost = |price: &ModelPrice, used: Quantities| price.cost(&used, None).to_string();
    assert_eq!(cost(&price, Quantities { audio_ms: 600_000, ..Default::default() }), "0.06");
    assert_eq!(cost(&price, Quantities { audio_ms: 1_500, ..Default::default() }), "0.00015");
    assert_eq!(cost(&price, Quantities { output_images: 3, requests: 1, ..Default::default() }), "0.125");
    assert_eq!(cost(&price, Quantities { pages: 2, characters: 1_000, queries: 1, ..Default::default() }), "0.022");
    let searches = |search_context| Quantities { web_searches: 3, search_context, ..Default::default() };
    use SearchContext::{High, Low, Medium};
    for (context, many, one) in [(Low, "0.03", "0.01"), (Medium, "0.03", "0.01"), (High, "0.042", "0.014")] {
        price.one_search_per_call = false;
        assert_eq!(cost(&price, searches(context)), many);
        price.one_search_per_call = true;
        assert_eq!(cost(&price, searches(context)), one);
    }
}

#[test]
fn discounts_and_uplifts_change_the_whole_cost() {
    let mut price = model(&[(Input, "2"), (WebSearch, "0.01")]);
    let used = Quantities { input: 3, web_searches: 1, ..Default::default() };
    for (factor, nanos) in [("0.85", 8_505_100), ("1.1", 11_006_600), ("0", 0), ("1", 10_006_000)] {
        price.multiplier = factor.parse().unwrap();
        assert_eq!(price.cost(&used, None), NanoUsd(nanos), "{factor}");
        assert_eq!(price.worst_case(&used, None), NanoUsd(nanos), "{factor}");
    }
    // 3 x 2000 x 0.0001 is 0.6, rounded once.
    price.multiplier = "0.0001".parse().unwrap();
    assert_eq!(price.cost(&Quantities { input: 3, ..Default::default() }, None), NanoUsd(1));
}

#[test]
fn the_largest_amounts_saturate() {
    let price = model(&[(Input, "18446744073.709551615"), (Output, "18446744073.709551615")]);
    let all =
        Quantities { input: u64::MAX, cached: u64::MAX, output: u64::MAX, audio_ms: u64::MAX, ..Default::default() };
    assert_eq!(price.cost(&all, None), NanoUsd::MAX);
    assert_eq!(price.worst_case(&all, None), NanoUsd::MAX);
}

fn any_tier() -> impl Strategy<Value = Option<ServiceTier>> {
    prop::option::of(prop::sample::select(ServiceTier::ALL.to_vec()))
}

prop_compose! {
    /// Any rates, also contradictory ones: cheaper long prompts, tiers of few dimensions.
    fn any_price()(
        rates in prop::collection::vec(
            (prop::sample::select(Dimension::ALL.to_vec()), any_tier(), prop::sample::select(vec![0u64, 10, 100, 1_000]),
             0u64..1 << 40), 0..24),
        multiplier in 0u64..3_000_000,
        one_search_per_call: bool,
    ) -> ModelPrice {
        let rates = rates.into_iter()
            .map(|(dimension, tier, above, price)| Rate { dimension, tier, above, price: UnitPrice(price) })
            .collect();
        let multiplier = Multiplier::from_millionths(multiplier).unwrap();
        ModelPrice { multiplier, one_search_per_call, ..ModelPrice::new(rates) }
    }
}

prop_compose! {
    /// Quantities whose parts do not exceed their totals.
    fn any_quantities()(
        totals in prop::array::uniform2(0u64..3_000), shares in prop::array::uniform13(0u64..3_000),
        others in prop::array::uniform11(0u64..50), context in 0usize..3,
    ) -> Quantities {
        let [input, output] = totals;
        let take = |rest: &mut u64, share: u64| { let part = share.min(*rest); *rest -= part; part };
        let [mut prompt, mut answer] = totals;
        let [a, b, c, d, e, f, g, h, i, j, k, l, m] = shares;
        let [
            audio_ms, video_ms, output_ms, input_images, output_images, characters, pages, queries, requests, web_searches,
            citations,
        ] = others;
        Quantities {
            input, output,
            cached: take(&mut prompt, a), cache_write: take(&mut prompt, b), cache_write_1h: take(&mut prompt, c),
            cache_write_12h: take(&mut prompt, d), cached_audio: e, cached_image: f, audio_input: g, image_input: h,
            video_input: i, reasoning: take(&mut answer, j), audio_output: take(&mut answer, k),
            image_output: take(&mut answer, l), video_output: take(&mut answer, m),
            audio_ms, video_ms, output_ms, input_images, output_images, characters, pages, queries, requests, web_searches,
            citations,
            search_context: [SearchContext::Low, SearchContext::Medium, SearchContext::High][context],
        }
    }
}

proptest! {
    #[test]
    fn a_cost_is_the_exact_fraction_rounded_once(price in any_price(), used in any_quantities(), tier in any_tier()) {
        let exact: u128 = price.parts(&used, tier).map(|part| {
            let per = if part.dimension.per() == Per::Second { 1 } else { 1_000 };
            u128::from(part.amount) * u128::from(part.price.0) * per
        }).sum();
        let (numerator, unit) = (exact * u128::from(price.multiplier.millionths()), 1_000_000_000_000_000);
        let rounded = 2 * unit * u128::from(price.cost(&used, tier).0);
        prop_assert!(rounded <= 2 * numerator + unit && 2 * numerator < rounded + unit);
    }

    #[test]
    fn no_division_of_the_same_totals_costs_more_than_the_worst_case(
        price in any_price(), used in any_quantities(), tier in any_tier(), more in prop::array::uniform2(0u64..2_000),
    ) {
        let most = Quantities { input: used.input + more[0], output: used.output + more[1], ..used };
        prop_assert!(price.cost(&used, tier) <= price.worst_case(&most, tier));
        prop_assert!(price.cost(&used, None) <= price.worst_case(&most, tier), "the default tier may serve the call");
    }

    #[test]
    fn more_of_anything_never_costs_less(
        price in any_price(), used in any_quantities(), tier in any_tier(), which in 0usize..12, more in 0u64..2_000,
    ) {
        let mut larger = used;
        let field = [
            &mut larger.input, &mut larger.output, &mut larger.audio_ms, &mut larger.video_ms, &mut larger.output_ms,
            &mut larger.input_images, &mut larger.output_images, &mut larger.characters, &mut larger.pages,
            &mut larger.queries, &mut larger.requests, &mut larger.web_searches,
        ].into_iter().nth(which).unwrap();
        *field += more;
        prop_assert!(price.cost(&used, tier) <= price.cost(&larger, tier));
        prop_assert!(price.worst_case(&used, tier) <= price.worst_case(&larger, tier));
    }
}
