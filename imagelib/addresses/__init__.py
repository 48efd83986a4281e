"""Image addresses: their grammar, the credentials people write into them, and which registry they mean.

Pure: text in, values out. Errors and warnings are codes with parameters, `imagelib.address_texts` has the
sentences. No error, warning or `repr` from here carries a password.
"""

from imagelib.addresses.credentials import SplitAddress, split_credentials
from imagelib.addresses.endpoints import EndpointAddress, best_endpoint, best_parsed, endpoint_or_none, parse_endpoint
from imagelib.addresses.errors import AddressCode, AddressError
from imagelib.addresses.grammar import DOCKER_HUB, MAX_LENGTH
from imagelib.addresses.reference import ImageReference, join_tag, parse
from imagelib.addresses.resolution import AddressWarning, Resolution, WarningCode, resolve

__all__ = [
    "DOCKER_HUB",
    "MAX_LENGTH",
    "AddressCode",
    "AddressError",
    "AddressWarning",
    "EndpointAddress",
    "ImageReference",
    "Resolution",
    "SplitAddress",
    "WarningCode",
    "best_endpoint",
    "best_parsed",
    "endpoint_or_none",
    "join_tag",
    "parse",
    "parse_endpoint",
    "resolve",
    "split_credentials",
]
