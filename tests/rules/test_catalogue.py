"""The event catalogue, the contracts and the subscriptions of all services tell the same story."""

import importlib
import inspect
from collections.abc import Sequence

import pytest

from deploy.topology import SERVICES
from shared.bus import Subscription
from shared.events import credit, gateway, indicators, traceability
from shared.events.asyncapi import asyncapi_document
from shared.events.base import Event
from shared.events.catalogue import CATALOGUE, EVENTS, expected_handlers
from shared.web import ServiceSpec

MODULES = (credit, gateway, indicators, traceability)
NAMES = [service.name for service in SERVICES]
LIVE = [entry for entry in CATALOGUE if entry.event is not None]


def subscriptions(service: str) -> Sequence[Subscription]:
    return ServiceSpec(service, importlib.import_module(f"services.{service}.app").DOMAINS).subscriptions


@pytest.mark.parametrize("service", NAMES)
def test_a_service_handles_what_the_catalogue_says(service: str) -> None:
    assert {subscription.event.type for subscription in subscriptions(service)} == expected_handlers(service)


@pytest.mark.parametrize("service", NAMES)
def test_handlers_take_a_unit_of_work_and_a_list(service: str) -> None:
    for subscription in subscriptions(service):
        assert inspect.iscoroutinefunction(subscription.handler), subscription
        assert len(inspect.signature(subscription.handler).parameters) == 2, subscription


def test_every_event_is_handled_by_somebody() -> None:
    assert [entry.name for entry in CATALOGUE if not entry.handlers] == []
    handled = {subscription.event.type for service in NAMES for subscription in subscriptions(service)}
    waiting = {entry.event.type for entry in LIVE if entry.event and set(entry.handlers) <= entry.planned_handlers}
    assert handled | waiting == set(EVENTS)


def test_no_service_handles_its_own_events() -> None:
    assert [entry.name for entry in CATALOGUE if entry.publisher in entry.handlers] == []


def test_names_are_unique_and_publishers_are_services() -> None:
    names = [entry.name for entry in CATALOGUE]
    assert len(names) == len(set(names))
    assert {entry.publisher for entry in CATALOGUE} <= set(NAMES)
    assert {service for entry in CATALOGUE for service in entry.handlers} <= set(NAMES)


def test_every_contract_class_is_in_the_catalogue() -> None:
    classes = {
        kind
        for module in MODULES
        for _name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Event) and "type" in vars(kind)
    }
    assert classes == set(EVENTS.values())


@pytest.mark.parametrize("entry", LIVE, ids=lambda entry: entry.name)
def test_a_contract_knows_its_type_and_key(entry: object) -> None:
    event = entry.event  # type: ignore[attr-defined]
    prefix, service, *_rest, version = event.type.split(".")
    assert (prefix, service) == ("pinzhi", event.publisher())
    assert version.startswith("v")
    assert version[1:].isdigit()
    assert event.__module__.rsplit(".", 1)[1] == service
    assert event.key_field in event.model_fields


def test_planned_events_have_no_contract_yet() -> None:
    short = {kind.short_type() for kind in EVENTS.values()}
    assert not {entry.name for entry in CATALOGUE if entry.planned} & short


def test_asyncapi_tells_every_live_event() -> None:
    text = str(asyncapi_document())
    assert [kind for kind in EVENTS if kind not in text] == []
