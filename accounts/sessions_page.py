"""The page of 我的 with the browsers that are signed in."""

import re

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import browser_sessions
from accounts.factors import own_pages
from accounts.guards import signed_in_user

OTHERS = "others"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Show them. POST: `end` is the id of one, or `others`."""
    if page := own_pages.unproven(request):
        return page
    user, current = signed_in_user(request), request.session.session_key
    if request.method == "POST":
        chosen = request.POST.get("end", "")
        if chosen == OTHERS:
            browser_sessions.end(user, keep=current)
            messages.success(request, _("You've been signed out everywhere else."))
        elif re.fullmatch("[0-9]{1,18}", chosen, re.ASCII):
            browser_sessions.end(user, keep=current, only=int(chosen))
            messages.success(request, _("That browser has been signed out."))
        return redirect("accounts:sessions")
    found = browser_sessions.signed_in_browsers(user)
    others = [row for row in found if row.session_key != current]
    own = [row for row in found if row.session_key == current]
    return render(request, "accounts/sessions.html", {"own": own, "others": others})
