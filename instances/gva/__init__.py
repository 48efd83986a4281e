"""This app's routes for the front end of docker-gpu-manage."""

from instances.gva.instances import urlpatterns as instance_routes
from instances.gva.specs import urlpatterns as spec_routes

urlpatterns = [*spec_routes, *instance_routes]
