"""From a deploy template of an AppImage to what one container of it gets. Pure."""
