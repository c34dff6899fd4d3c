"""What the gateway shows: one function for each view, shared by the JSON endpoints and the portal.

Signatures (the shapes stand in `views.schemas`)::

    enterprise_view(platform, uscc, *, lang="zh", as_of=None, department=False) -> EnterpriseView | None
    scan_view(platform, code, lang="zh") -> ScanView              raises Invalid (400) with the place in an invalid code
    city_view(platform, *, area=None, as_of=None, light=None, dept=None, lang="zh") -> CityView
    target_view(platform, target_id, *, area=None, as_of=None, lang="zh") -> TargetView | None
    list_view(platform, colour, *, q=None, area=None, limit=50, cursor=None) -> ListView
    recalls_view(platform, *, state="open", q=None, limit=50, cursor=None) -> RecallsView
    recall_view(platform, recall_id) -> RecallView | None
    feed_view(platform, *, limit=50, before=None) -> FeedView
    state_view(platform) -> StateView

`as_of` is a `date` in Asia/Shanghai or None for now; `area` None is the city of the settings. None as an answer means
"no such subject" (404). None of them fails when an upstream is down.
"""
