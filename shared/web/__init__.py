"""HTTP for all services, used the same way: routes with policies, problems, paging, hot reads, the app itself."""

from shared.coalesce import Coalescer
from shared.hotcache import HotCache
from shared.platform import Platform
from shared.web.body import Body, Out, Receipt
from shared.web.hot import HotAnswer, HotRequest, HotRoute
from shared.web.hot_writes import HotWrite
from shared.web.paging import Keyset, Page, PageParams, page_of, page_params
from shared.web.problems import field_errors, problem
from shared.web.routing import (
    CurrentPlatform,
    CurrentPrincipal,
    ReadSession,
    RequestLang,
    Router,
    Uow,
    allow,
    authenticate,
    lang_of,
    platform_of,
)
from shared.web.spec import Domain, ServiceSpec

from shared.web.app import build_app  # isort: skip

__all__ = [
    "Body",
    "Coalescer",
    "CurrentPlatform",
    "CurrentPrincipal",
    "Domain",
    "HotAnswer",
    "HotCache",
    "HotRequest",
    "HotRoute",
    "HotWrite",
    "Keyset",
    "Out",
    "Page",
    "PageParams",
    "Platform",
    "ReadSession",
    "Receipt",
    "RequestLang",
    "Router",
    "ServiceSpec",
    "Uow",
    "allow",
    "authenticate",
    "build_app",
    "field_errors",
    "lang_of",
    "page_of",
    "page_params",
    "platform_of",
    "problem",
]
