"""What all pages have in common: one template, one style sheet, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic.base import ContextMixin, View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.throttling import Rate

STYLE = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5; }
body { margin: 0 auto; max-width: 24rem; padding: 3rem 1rem; }
label { display: block; margin-top: 1rem; }
input:not([type=checkbox]) { box-sizing: border-box; font: inherit; padding: .5rem; width: 100%; }
button { font: inherit; margin-top: 1.5rem; padding: .5rem 1.5rem; }
.errorlist { border-left: .25rem solid #c0392b; list-style: none; margin: .5rem 0; padding-left: .75rem; }
.helptext { font-size: .875rem; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def secured(response: HttpResponse) -> HttpResponse:
    """`response` with the policy of pages."""
    response.headers["Content-Security-Policy"] = POLICY
    return response


def message_page(request: HttpRequest, title: str, text: str, *, status: int = 200) -> HttpResponse:
    """A page that says one thing."""
    context = {"title": title, "text": text, "style": mark_safe(STYLE)}  # noqa: S308 - a constant
    return secured(TemplateResponse(request, "pages/message.html", context, status=status))


@method_decorator((sensitive_post_parameters(), never_cache), name="dispatch")
class Page(ContextMixin, View):
    """Base of the pages. Posts are counted: whoever tries passwords here meets the limits of the API's log-in."""

    title = ""
    rates: Sequence[type[Rate]] = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        wait = self._wait(request)
        if wait is not None:
            page = message_page(request, "Too many attempts", f"Try again in {round(wait)} seconds.", status=429)
            page.headers["Retry-After"] = str(round(wait))
            return page
        return secured(super().dispatch(request, *args, **kwargs))  # type: ignore[arg-type]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        style = mark_safe(STYLE)  # noqa: S308 - a constant
        return super().get_context_data(title=self.title, style=style, **kwargs)

    def _wait(self, request: HttpRequest) -> float | None:
        """Seconds until another post is taken; None if this one is."""
        if request.method != "POST":
            return None
        counted: Any = request
        counted.data = request.POST  # where rates look for the name
        for rate in (kind() for kind in self.rates):
            if not rate.allow_request(counted, self):  # type: ignore[arg-type]
                return rate.wait() or 1.0
        return None
