"""Small enums that tables, rules and screens share; the ground floor, so that each may use them."""

from enum import Enum


class CustomerKind(Enum):
    """What a customer is to the owner; stored with the customer and shown in lists."""

    HOMEOWNER = "homeowner"  # a private person; also what we suggest when nothing speaks for a company
    BUSINESS = "business"  # a company, shop, office, institution, or another trade
    BUILDER = "builder"  # a business that builds: home builder, general contractor, remodeller, developer
