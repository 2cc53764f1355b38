"""Count bookings, reviews and stars of each house anew: forms of the admin could write old counters back."""

from django.db import migrations, transaction
from django.db.models import Sum


def recount(apps, schema_editor):
    House, Order, Review = (
        apps.get_model(app, name) for app, name in (("houses", "House"), ("orders", "Order"), ("orders", "Review"))
    )
    for pk in list(House.objects.values_list("pk", flat=True)):
        with transaction.atomic():
            house = House.objects.select_for_update().only("pk").get(pk=pk)  # as bookings and reviews do
            reviews = Review.objects.filter(house=house).exclude(order__status="CANCELED")
            House.objects.filter(pk=pk).update(
                order_count=Order.objects.filter(house=house).count(),
                review_count=reviews.count(),
                rating_sum=reviews.aggregate(stars=Sum("rating"))["stars"] or 0,
            )


class Migration(migrations.Migration):
    atomic = False  # one house at a time: a booking waits for no other's

    dependencies = [("orders", "0005_plain_labels"), ("houses", "0006_photos_in_sizes")]

    operations = [migrations.RunPython(recount, migrations.RunPython.noop, elidable=True)]
