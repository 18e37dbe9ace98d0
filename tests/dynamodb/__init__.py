"""What only Amazon's own engine can show: that it takes our expressions, and how races end."""
