"""What people ask for, from whatever surface."""

from instances.services.config_sets import (
    delete_config_sets,
    delete_secret_sets,
    save_config_set,
    save_secret_set,
)
from instances.services.deployments import (
    operate_deployment,
    own_deployment,
    remove_deployment,
    run_app_image,
    visible_deployments,
)
from instances.services.forgetting import forget_instance
from instances.services.gpus import set_cordoned
from instances.services.instances import (
    create_instance,
    delete_instances,
    may_see,
    operate,
    own_instance,
    preview,
    update_instance,
    visible_instances,
)
from instances.services.previewing import preview_app_image
from instances.services.specs import check_spec, delete_specs, save_spec, set_listed, visible_specs
from instances.services.terminals import TooMany, begin_terminal, end_terminal, see_terminal

__all__ = [
    "TooMany",
    "begin_terminal",
    "check_spec",
    "create_instance",
    "delete_config_sets",
    "delete_instances",
    "delete_secret_sets",
    "delete_specs",
    "end_terminal",
    "forget_instance",
    "may_see",
    "operate",
    "operate_deployment",
    "own_deployment",
    "own_instance",
    "preview",
    "preview_app_image",
    "remove_deployment",
    "run_app_image",
    "save_config_set",
    "save_secret_set",
    "save_spec",
    "see_terminal",
    "set_cordoned",
    "set_listed",
    "update_instance",
    "visible_deployments",
    "visible_instances",
    "visible_specs",
]
