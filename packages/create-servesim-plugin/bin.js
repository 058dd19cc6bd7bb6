#!/usr/bin/env node
// Committed, so that the link exists after an install and before the first build.
import './dist/bin.js'
