"""What a forecast raises: one level, one alert and one sentence for a resource (PRE-01 to PRE-03)."""

from __future__ import annotations

from selextract_infra.model.forecast import Exhaustion, Forecast

__all__ = ["exhaustion_of"]


def exhaustion_of(forecast: Forecast) -> Exhaustion | None:
    """By the worse of the middle date and, where use rises or nothing else can be said, the guide's own line.

    None where the forecast was asked for without a limit, or too little is known for either.
    """
    dates, rule = forecast.exhaustion, forecast.rule
    if dates is not None:
        return Exhaustion(
            resource=forecast.resource,
            current=dates.current,
            weekly_growth=rule.weekly_growth if rule is not None else 0.0,
            limit=dates.usable,
            days=None if dates.p50_days is None else float(dates.p50_days),
            level=dates.level,
            alert=dates.alert,
            sentence=f"{forecast.resource}: capacity exhaustion in {dates.p50_days} days (P50).",
        )
    if rule is not None:
        sentence = f"{rule.sentence} (low confidence: {forecast.reason})"
        return rule.model_copy(update={"resource": forecast.resource, "sentence": sentence})
    return None
