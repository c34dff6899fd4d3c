"""A client of the public API for the demo loader and the tests of the tour: one per account."""

import time
from typing import Any

import httpx

from deploy.demo.accounts import DemoClient, DemoUser

_CAPTURE_SECONDS = 60


class ApiError(RuntimeError):
    """An answer that the loader did not expect, with what the API said."""


class Account:
    """Calls with the token of one demo client or user; gets a new one when it runs out."""

    def __init__(self, http: httpx.Client, who: DemoClient | DemoUser) -> None:
        self._http = http
        self._who = who
        self._token = ""
        self._until = 0.0

    def bearer(self) -> str:
        """A token that holds for at least a minute."""
        if time.monotonic() >= self._until:
            who = self._who
            form = (
                {"grant_type": "client_credentials", "client_id": who.client_id, "client_secret": who.secret}
                if isinstance(who, DemoClient)
                else {"grant_type": "password", "username": who.username, "password": who.secret}
            )
            body = _checked(self._http.post("/oauth/token", data=form), (200,)).json()
            self._token, self._until = body["access_token"], time.monotonic() + body["expires_in"] - 60
        return self._token

    def call(self, method: str, path: str, body: Any = None, *, ok: tuple[int, ...] = (200, 201, 202)) -> Any:
        """The JSON answer. Raises ApiError for a status that is not in `ok`."""
        response = self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {self.bearer()}"})
        return _checked(response, ok).json()

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.call("POST", path, body if body is not None else {}, **options)

    def put(self, path: str, body: Any, **options: Any) -> Any:
        return self.call("PUT", path, body, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.call("GET", path, **options)

    def capture(self, document: dict[str, Any]) -> dict[str, Any]:
        """Capture an EPCIS document and wait for its job; the job."""
        headers = {"Authorization": f"Bearer {self.bearer()}", "GS1-Capture-Error-Behaviour": "rollback"}
        response = _checked(self._http.post("/epcis/capture", json=document, headers=headers), (202,))
        deadline = time.monotonic() + _CAPTURE_SECONDS
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.get(response.headers["location"])
            if not job["running"]:
                if not job["success"]:
                    raise ApiError(f"the capture job failed: {job['errors']}")
                return job
            time.sleep(0.1)
        raise ApiError("the capture job did not end")


def _checked(response: httpx.Response, ok: tuple[int, ...]) -> httpx.Response:
    if response.status_code not in ok:
        request = response.request
        raise ApiError(f"{request.method} {request.url.path}: {response.status_code} {response.text[:1000]}")
    return response
