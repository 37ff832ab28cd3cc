"""Who may open what. The views check and find; what they find is forwarded on the event loop."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.generic import View
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from api.authentication import InternalUser, TokenAuthentication, run_token
from api.finders import find_project
from api.pages.base import message_page
from api.permissions import check_scopes
from api.proxy.targets import MODELS, Forwarded, Upstream
from polyaxon.actions.plugins import Target, latest_notebook, latest_tensorboard, note_use
from polyaxon.db.models import Experiment, ExperimentGroup, NotebookJob, Project, User
from polyaxon.security.permissions import may, may_read
from polyaxon.security.scopes import Verb

if TYPE_CHECKING:
    from polyaxon.db.models.plugins import Plugin

REFRESH_SECONDS = 2
# Looking at curves is reading. A notebook runs whatever it is told, so it takes what starting one takes.
VERBS = {"notebook": Verb.RUN, "tensorboard": Verb.READ}
_NOT_THERE = "There is no such {kind}, or you may not see it."


class _ServiceView(View):
    """Authenticates as the REST interface does, and says no in pages."""

    http_method_names = ["get", "head"]  # the event loop asks by GET, whatever is asked of it
    kind = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # The session first: pages of Jupyter send a token of its own, which is none of ours.
        asking = Request(request, authenticators=[SessionAuthentication(), TokenAuthentication()])
        try:
            if not asking.user.is_authenticated:
                return _log_in(request)
            self.asking = asking
            return super().dispatch(request, *args, **kwargs)
        except AuthenticationFailed as error:
            return message_page(request, "Not signed in", str(error.detail), status=401)
        except Http404:
            text = _NOT_THERE.format(kind=self.kind)
            return message_page(request, "Not found", text, status=404)
        except APIException as error:
            return message_page(request, "Not allowed", str(error.detail), status=error.status_code)

    def check(self, project: Project) -> None:
        """Raise 404 for those who may not see the project, 403 for those who may not open this."""
        verb = VERBS[self.kind]
        user: Any = self.asking.user
        if isinstance(user, InternalUser) or not may_read(user, project):
            raise Http404
        if run_token(self.asking) is not None:
            raise PermissionDenied("The token of a run opens no notebooks and tensorboards.")
        check_scopes(self.asking, verb)
        if not may(user, project, verb):
            raise PermissionDenied(f"Opening a {self.kind} of this project needs a role from contributor up.")

    def answer_of(self, row: Plugin) -> HttpResponse | Upstream:
        """Where `row` is, or a page that says why it is nowhere."""
        user = self.asking.user
        assert isinstance(user, User)
        upstream = Upstream.of(row, user.pk)
        if upstream is not None:
            return upstream
        return self.ended(row) if row.is_done else starting(self.request, row)

    def ended(self, row: Plugin) -> HttpResponse:
        reason = f" ({row.status_message})" if row.status_message else ""
        text = f"The last {self.kind} is {row.status}{reason}. Start another one."
        return message_page(self.request, "Not running", text, status=404)


class ServedView(_ServiceView):
    """Everything that one notebook or tensorboard serves."""

    def get(self, request: HttpRequest, pod: str, **_: Any) -> HttpResponseBase:
        rows = MODELS[self.kind].objects.select_related("project__owner")
        row = rows.filter(uuid=uuid.UUID(pod.rpartition("-")[2]), deleted=False, project__deleted=False).first()
        if row is None:
            raise Http404
        self.check(row.project)
        found = self.answer_of(row)
        if isinstance(found, Upstream):
            note_use(row)  # also while a WebSocket is open, for which this is asked again and again
        return Forwarded(request, found) if isinstance(found, Upstream) else found


class EntryView(_ServiceView):
    """The newest one of a project, group or experiment, by the address that people know: sends them to it."""

    parent: type[Experiment | ExperimentGroup] | None = None

    def get(self, request: HttpRequest, owner: str, project: str, item: str = "", rest: str = "") -> HttpResponseBase:
        user: Any = self.asking.user
        found = find_project(user, owner, project)
        if found is None:
            raise Http404
        self.check(found)
        row = self._newest(found, int(item) if item else None)
        if row is None:
            text = f"There is no {self.kind} here. Start one."
            return message_page(request, "Not running", text, status=404)
        answer = self.answer_of(row)
        return _sent_on(request, row, rest) if isinstance(answer, Upstream) else answer

    def _newest(self, project: Project, item: int | None) -> Plugin | None:
        if self.kind == "notebook":
            return latest_notebook(project)
        if self.parent is None or item is None:
            return latest_tensorboard(project, Target())
        shown = self.parent._default_manager.filter(project=project, deleted=False, pk=item).first()
        if shown is None:
            raise Http404
        target = Target(experiment=shown) if isinstance(shown, Experiment) else Target(experiment_group=shown)
        return latest_tensorboard(project, target)


def _sent_on(request: HttpRequest, row: Plugin, rest: str) -> HttpResponse:
    """To the address that the service itself knows. A token of the platform in the query stays behind."""
    if not rest and isinstance(row, NotebookJob):
        rest = "lab" if row.backend == "lab" else "tree"
    query = request.GET.copy()
    query.pop("token", None)
    address = f"{row.proxy_path}{quote(rest)}" + (f"?{query.urlencode()}" if query else "")
    return HttpResponseRedirect(address)


def starting(request: HttpRequest, row: Plugin) -> HttpResponse:
    """The page that one sees until it runs."""
    told = f" {row.status_message}" if row.status_message else ""
    text = f"The {row.WORD} is {row.status} and does not answer yet; this page looks again by itself.{told}"
    return unavailable(request, f"The {row.WORD} is starting", text)


def unavailable(request: HttpRequest, title: str, text: str) -> HttpResponse:
    """503, looked at again soon."""
    page = message_page(request, title, text, status=503)
    page.headers["Refresh"] = page.headers["Retry-After"] = str(REFRESH_SECONDS)
    page.headers["Cache-Control"] = "no-store"
    return page


def _log_in(request: HttpRequest) -> HttpResponse:
    """Pages lead people to where they sign in; what programs ask for is refused."""
    if "text/html" in request.headers.get("Accept", "") or "Accept" not in request.headers:
        return HttpResponseRedirect(f"{settings.LOGIN_URL}?next={quote(request.get_full_path())}")
    return message_page(request, "Not signed in", "Sign in, or send a token.", status=401)
