from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from houses.forms import StayForm
from houses.models import House

HOUSES_PER_PAGE = 24


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    listed = House.objects.filter(is_listed=True).select_related("area").prefetch_related("photos")
    page = Paginator(listed, HOUSES_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "houses/search.html", {"houses": page.object_list, "page": page})


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    house = get_object_or_404(House.objects.select_related("area"), pk=pk, is_listed=True)
    stay = {name: request.GET[name] for name in ("check_in", "check_out", "guests") if name in request.GET}
    return house_page(request, house, StayForm(house=house, initial=stay))


def house_page(request: HttpRequest, house: House, form: StayForm, *, status: int = 200) -> HttpResponse:
    """The page of a house with its booking form; also what a refused booking comes back to."""
    context = {"house": house, "photos": house.photos.all(), "form": form, "reviews": latest_reviews(house)}
    return render(request, "houses/detail.html", context, status=status)


def latest_reviews(house: House) -> list[object]:
    """The newest reviews. `orders` owns them and hangs them on the house as `reviews`."""
    return list(house.reviews.select_related("renter").order_by("-id")[:20])
