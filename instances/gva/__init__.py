"""This app's routes for the front end of docker-gpu-manage."""

from instances.gva.actions import urlpatterns as action_routes
from instances.gva.instances import urlpatterns as instance_routes
from instances.gva.specs import urlpatterns as spec_routes

urlpatterns = [*spec_routes, *action_routes, *instance_routes]  # the last: what is unknown below a prefix ends there
