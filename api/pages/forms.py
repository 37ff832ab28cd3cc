"""Forms of pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from polyaxon.actions.users import check_new_account
from polyaxon.db.models import User
from polyaxon.errors import InvalidInput


class SignupForm(forms.Form):
    """A new account. The names of the fields are those of 0.6."""

    username = forms.CharField(max_length=150, widget=forms.TextInput(attrs={"autocomplete": "username"}))
    email = forms.EmailField(max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password1 = forms.CharField(
        label="Password",
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    tos = forms.BooleanField(label="I accept the terms of use of this installation.")

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            self._check(values)
        return values

    def _check(self, values: dict[str, Any]) -> None:
        account, password = User(username=values["username"], email=values["email"]), values["password1"]
        try:
            check_new_account(account.username, account.email)
        except InvalidInput as error:
            self.add_error(error.field, error.message)
        try:
            validate_password(password, account)
        except forms.ValidationError as error:
            self.add_error("password1", error)
