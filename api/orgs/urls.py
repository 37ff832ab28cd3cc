"""Addresses of organizations and their teams."""

from __future__ import annotations

from api.orgs import views
from api.routes import route

ONE = "orgs/<str:org>"
TEAM = f"{ONE}/teams/<str:team>"

urlpatterns = [
    route("orgs", views.OrganizationsView),
    route(ONE, views.OrganizationView),
    route(f"{ONE}/members", views.MembersView),
    route(f"{ONE}/members/<str:username>", views.MemberView),
    route(f"{ONE}/teams", views.TeamsView),
    route(TEAM, views.TeamView),
    route(f"{TEAM}/members", views.TeamMembersView),
    route(f"{TEAM}/members/<str:username>", views.TeamMemberView),
    route(f"{TEAM}/projects", views.TeamProjectsView),
    route(f"{TEAM}/projects/<str:name>", views.TeamProjectView),
]
