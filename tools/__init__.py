"""What packages, deploys and sets up; none of it is shipped."""
