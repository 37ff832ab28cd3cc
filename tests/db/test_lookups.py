"""Rows by many numbers, with a statement whose text is always the same."""

from __future__ import annotations

import pytest

from polyaxon.db.lookups import listed
from polyaxon.db.models import User
from polyaxon.db.prepared import Prepared

pytestmark = pytest.mark.django_db

_USERS = Prepared(lambda keys: User.objects.filter(pk__among=keys).order_by("pk"), keys=str)


def test_among_finds_what_in_finds() -> None:
    keys = [User.objects.create_user(f"u{number}").pk for number in range(4)]
    for wanted in ([], keys[:1], keys[1:3], [*keys[2:], 10**12]):
        found = [user.pk for user in _USERS.all(keys=listed(wanted))]
        assert found == list(User.objects.filter(pk__in=wanted).order_by("pk").values_list("pk", flat=True))
        assert found == [key for key in keys if key in wanted]
