from django.db import migrations, transaction
from django.db.models import F
from django.utils import timezone


def take_out(apps, schema_editor):
    """Take reviews of stays ahead out of the sums until check-out. Those of cancelled orders are out already."""
    House, Review = apps.get_model("houses", "House"), apps.get_model("orders", "Review")
    Review.objects.filter(order__status="CANCELED").update(is_counted=False)
    ahead = Review.objects.filter(is_counted=True, order__check_out__gt=timezone.localdate())
    for key, house, rating, day in list(ahead.values_list("pk", "house", "rating", "order__check_out")):
        with transaction.atomic():
            if Review.objects.filter(pk=key, is_counted=True).update(is_counted=False, count_due=day):
                House.objects.filter(pk=house).update(
                    review_count=F("review_count") - 1, rating_sum=F("rating_sum") - rating
                )


def put_back(apps, schema_editor):
    """Count them at once, as the version before does."""
    House, Review = apps.get_model("houses", "House"), apps.get_model("orders", "Review")
    out = Review.objects.filter(is_counted=False, hidden_at=None).exclude(order__status="CANCELED")
    for key, house, rating in list(out.values_list("pk", "house", "rating")):
        with transaction.atomic():
            if Review.objects.filter(pk=key, is_counted=False).update(is_counted=True, count_due=None):
                House.objects.filter(pk=house).update(
                    review_count=F("review_count") + 1, rating_sum=F("rating_sum") + rating
                )


class Migration(migrations.Migration):
    atomic = False  # one review at a time: a payment waits for no other house

    dependencies = [("orders", "0022_reviews_of_stays_that_took_place")]

    operations = [migrations.RunPython(take_out, put_back)]
