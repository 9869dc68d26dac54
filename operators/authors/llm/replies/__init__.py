"""From the text of a reply to a candidate, an edit, plans or a diagnosis. Tolerant in form, strict in meaning."""
