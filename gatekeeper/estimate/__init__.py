"""What an audit takes: hours, memory and money, before a weight is downloaded. No torch."""
