"""Why an erasure did not come to its end. Others of CampaignIqError pass by themselves."""

from streams.model.errors import CampaignIqError


class NotErasedError(CampaignIqError):
    """Something of the person is still there after all rounds."""


class AskAgainError(NotErasedError):
    """Who was meant is another by now."""


class SearchError(NotErasedError):
    """The files could not be searched to their end."""
