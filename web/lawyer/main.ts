// Starts the lawyer page.
import { createApp } from 'vue'
import '#shared/base.css'
import { restoreLanguage } from '#shared/i18n'
import App from './App.vue'

restoreLanguage()
createApp(App).mount('#app')
