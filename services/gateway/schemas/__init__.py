"""The shapes of everything the gateway shows: what the view functions give the portal and the JSON endpoints answer.

Two languages: a text stands beside its English twin with the suffix `_en`; the twin may be null, then show the Chinese
text with `lang="zh-CN"`. Days are `YYYY-MM-DD`, instants RFC 3339 in UTC. Money is in fen (分). Values of rates are
decimal text in per cent. Nothing here is personal data or a risk class.

Freshness: `parts` says for every source whether it is current. A part that is not current carries `as_of` (up to when
it is known to be whole) and `age_seconds`. A part that could not be had at all stands in `errors` and its fields are
null or empty; then `complete` is false.
"""

from services.gateway.schemas.city import *  # noqa: F403
from services.gateway.schemas.common import *  # noqa: F403
from services.gateway.schemas.enterprise import *  # noqa: F403
from services.gateway.schemas.lists import *  # noqa: F403
from services.gateway.schemas.scan import *  # noqa: F403
