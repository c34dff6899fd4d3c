"""The catalogue of incentives and restrictions (联合激励和联合惩戒) by field, as dated rows with their source."""
